"""Signals that ask a training to stop."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from regattn_fairseq.interruption import (
    Interrupted,
    ask_to_stop,
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


def test_what_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with signals_as_requests() as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert request.signal_number is None


def test_a_launcher_that_ignores_sigterm_gets_it_when_all_is_saved_and_the_work_goes_on(capsys):
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    raise_on_sigterm()  # leaves the launcher's handler in its place
    with signals_as_requests() as request:
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.signal_number == signal.SIGTERM
        assert seen == []
        request.fulfil(signal.SIGTERM, "saved")
        assert capsys.readouterr().err == "saved\n"
        assert seen == [signal.SIGTERM]
        assert request.signal_number is None


@pytest.mark.parametrize("order", [(15, 12), (12, 15)])
def test_of_a_launchers_two_signals_the_one_that_it_acts_on_counts(order):
    assert {*order} == {signal.SIGTERM, signal.SIGUSR2}
    for number in order:
        signal.signal(number, lambda number, frame: None)
    with signals_as_requests() as request:
        for number in order:
            os.kill(os.getpid(), number)
        assert request.signal_number == signal.SIGUSR2


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


def test_another_thread_asks_as_a_signal_does_but_without_a_word(capsys):
    with signals_as_requests() as request:
        assert ask_to_stop()
        assert request.signal_number == signal.SIGINT
        with pytest.raises(Interrupted, match="saved after 3 updates"):
            request.fulfil(signal.SIGINT, "saved after 3 updates")
    assert capsys.readouterr().err == ""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert not ask_to_stop()


def test_outside_of_a_training_another_thread_is_heard_at_once():
    def wait_for_it() -> None:
        assert ask_to_stop()
        time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        wait_for_it()


def test_what_comes_after_the_last_update_is_obeyed_as_well():
    with pytest.raises(Interrupted, match="saved"), signals_as_requests():
        os.kill(os.getpid(), signal.SIGINT)
