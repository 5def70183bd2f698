"""Make the paper's tables and figures, each from a small file in configs/reproduce.

    python scripts/reproduce.py table=1 corpora=synthetic
    python scripts/reproduce.py table=bleu corpora=real raw_dir.multi30k=path/to/it seeds=[1,2,3]
    python scripts/reproduce.py figure=2

Tables: 1 (textual entailment), 2 (summarization), bleu (translation). Figures: 1, 4, 5 (attention
of trained runs), 2, 3 (the maps themselves). corpora=synthetic is made on the spot, real can be got
by anyone, paper is what the authors had. Runs that are there are reused, missing ones are trained
(train=false: are not), jobs=2 at once, by default as many as there are cores, and what cannot run
for want of data is named in the table. Interrupted, the same command goes on where it stopped. The
other options stand in configs/reproduce; 'overrides=["training.max_epoch=1"]' passes options to
every run.
"""

import logging
import shlex
import sys

from regattn_fairseq.interruption import exit_status, raise_on_sigterm
from regattn_fairseq.reproduce import reproduce
from regattn_fairseq.runs.errors import PipelineError


def main() -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__.strip())
        return
    # Over what fairseq has set up as it was imported.
    logging.basicConfig(level=logging.WARNING, format="%(message)s", force=True)
    logging.getLogger("regattn_fairseq").setLevel(logging.INFO)
    wanted = [argument for argument in sys.argv[1:] if argument.startswith(("table=", "figure="))]
    if len(wanted) != 1:
        sys.exit("error: name one of table=1, table=2, table=bleu, figure=1 … figure=5 (--help)")
    target = wanted[0].replace("table=bleu", "bleu").replace("=", "")
    others = [argument for argument in sys.argv[1:] if argument not in wanted]
    command = shlex.join(["python", "scripts/reproduce.py", *sys.argv[1:]])
    raise_on_sigterm()
    try:
        print(reproduce(target, others, command=command))
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt as interrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(exit_status(interrupt))


if __name__ == "__main__":
    main()
