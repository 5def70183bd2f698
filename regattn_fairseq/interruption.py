"""Requests to stop: Ctrl-C, SIGTERM, which schedulers send before they kill, and a closed pipe."""

import _thread
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal stopped the work, at a moment from which it can go on.

    Args:
        message: what is saved.
        signal_number: which signal it was.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """The status that shells give to a program that a signal ended: 128 plus its number."""
    return 128 + int(getattr(interrupt, "signal_number", signal.SIGINT))


def raise_on_sigterm() -> None:
    """Have SIGTERM unwind the program as Ctrl-C does: it tidies up and says how to go on.

    A launcher's own handler, such as submitit's or Ray's, stays.
    """
    if _is_main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("", number)


def end_if_nobody_reads(error: BaseException) -> None:
    """End the program without a word if that is why a line could not be printed, as in ``| head``.

    Args:
        error: what was raised; only a `BrokenPipeError` can be that.
    """
    if not isinstance(error, BrokenPipeError):
        return
    poll = select.poll()
    poll.register(sys.stdout, 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        # What is not written yet goes nowhere, or the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def ends_the_work(number: signal.Signals) -> bool:
    """Whether a signal ends the program or unwinds it: no launcher handles or ignores it."""
    ours = (signal.SIG_DFL, signal.default_int_handler, _interrupt)
    return signal.getsignal(number) in ours


class StopRequest:
    """Whether somebody has asked the work to stop.

    Attributes:
        signal_number: the number of the signal that came; ``None`` if none did.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._launchers: dict[int, Any] = {}

    def fulfil(self, number: int, message: str) -> None:
        """End the work, now that all is saved. Where a launcher handles the signal, it decides.

        Slurm sends SIGTERM before it kills a job that it puts back into the queue. submitit ignores
        the signal, so the work goes on until Slurm kills it, and that last part is lost.

        Args:
            number: the signal that came, here or to another process of the same training.
            message: what is saved.

        Raises:
            Interrupted: no launcher handles the signal. A launcher may end the process its own way.
        """
        self.signal_number = None
        if number not in self._launchers:
            raise Interrupted(message, number)
        print(message, file=sys.stderr, flush=True)
        self._launchers[number](number, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number in self._launchers:
            # Of a warning and the signal that a launcher acts on, the latter counts.
            if number != signal.SIGTERM or self.signal_number is None:
                self.signal_number = number
            return
        if self.signal_number is not None:  # asked twice: at once
            raise Interrupted("", number)
        self.signal_number = number
        print("stopping after this update; once more to stop at once", file=sys.stderr, flush=True)


_request: StopRequest | None = None


def ask_to_stop() -> bool:
    """Stop the main thread's work from another thread, as Ctrl-C does, but without a message.

    Returns:
        Whether the main thread will stop: not while it ignores Ctrl-C.
    """
    if _request is not None:
        _request.signal_number = signal.SIGINT
        return True
    if not callable(signal.getsignal(signal.SIGINT)):
        return False
    _thread.interrupt_main(signal.SIGINT)
    return True


@contextmanager
def signals_as_requests() -> Iterator[StopRequest]:
    """Within the block, note SIGINT and SIGTERM instead of breaking off the work.

    The work reads the note and ends where it can. If it ended before it read the note, the end of
    the block obeys it. Signals that the process ignores stay ignored. Signals that a launcher
    handles are noted too, and the launcher gets them when all is saved: SIGTERM, and SIGUSR1 and
    SIGUSR2, by which submitit learns that a job of Slurm's must make room.
    """
    global _request
    request = StopRequest()
    replaced: dict[signal.Signals, Any] = {}
    if _is_main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if ends_the_work(number):
                replaced[number] = signal.signal(number, request._note)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            if number not in replaced and callable(handler := signal.getsignal(number)):
                request._launchers[number] = handler
                replaced[number] = signal.signal(number, request._note)
    _request = request
    try:
        yield request
    finally:
        _request = None
        for replaced_number, handler in replaced.items():
            signal.signal(replaced_number, handler)
    if request.signal_number is not None:
        request.fulfil(request.signal_number, "saved")


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
