"""What reaches joblib's processes."""

import os
import signal

from joblib.externals.loky import ProcessPoolExecutor

from regattn_fairseq.guests.joblib import quiet_children

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def seen_by_a_worker() -> tuple[set[int], str | None]:
    with ProcessPoolExecutor(1) as pool:
        blocked = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
        warnings = pool.submit(os.environ.get, "PYTHONWARNINGS").result()
    return {int(number) for number in blocked}, warnings


def test_a_worker_gets_what_a_terminal_sends_unless_it_is_kept_from_it(monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore::ImportWarning")
    blocked, warnings = seen_by_a_worker()
    assert not blocked & set(SIGNALS)
    with quiet_children(SIGNALS):
        blocked, warnings = seen_by_a_worker()
    assert set(SIGNALS) <= blocked
    assert warnings == "ignore::ImportWarning,ignore:resource_tracker"
    assert os.environ["PYTHONWARNINGS"] == "ignore::ImportWarning"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)
