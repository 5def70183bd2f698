"""Signals that ask a training to stop."""

import os
import signal
from collections.abc import Iterator

import pytest

from regattn_fairseq.pipeline.interruption import (
    Interrupted,
    exit_status,
    raise_on_sigterm,
    signals_as_requests,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """What a fresh program has; what was there comes back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_a_second_one_obeyed(number, capsys):
    before = signal.getsignal(number)
    with signals_as_requests() as request:
        assert request.signal_number is None
        os.kill(os.getpid(), number)
        assert request.signal_number == number
        assert "once more to stop at once" in capsys.readouterr().err
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), number)
        with pytest.raises(Interrupted, match="saved") as caught:
            request.fulfil(number, "saved")
    assert exit_status(caught.value) == 128 + number
    assert signal.getsignal(number) == before


def test_what_is_ignored_or_handled_by_others_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    raise_on_sigterm()
    with signals_as_requests() as request:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.signal_number is None
    assert seen == [signal.SIGTERM]


def test_a_launcher_gets_its_signal_when_all_is_saved():
    seen = []

    def requeue(number, frame):
        seen.append(number)
        raise SystemExit(-1)

    signal.signal(signal.SIGUSR2, requeue)
    with signals_as_requests() as request:
        os.kill(os.getpid(), signal.SIGUSR2)
        assert request.signal_number == signal.SIGUSR2
        assert seen == []
        with pytest.raises(SystemExit):
            request.fulfil(signal.SIGUSR2, "saved")
        assert seen == [signal.SIGUSR2]
    assert signal.getsignal(signal.SIGUSR2) == requeue


def test_sigterm_unwinds_as_ctrl_c_does():
    raise_on_sigterm()
    with pytest.raises(KeyboardInterrupt) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert exit_status(caught.value) == 143
