"""``regattn-reproduce`` from a checkout: python scripts/reproduce.py table=1 corpora=synthetic."""

from regattn_fairseq.cli import reproduce

if __name__ == "__main__":
    reproduce()
