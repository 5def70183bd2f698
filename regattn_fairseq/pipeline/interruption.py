"""Being asked to stop: Ctrl-C, and SIGTERM, as schedulers send it before they kill."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The work was stopped by a signal, at a moment from which it can go on.

    Args:
        message: what is saved.
        signal_number: which signal it was.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """What shells report of a program that a signal ended: 128 and the signal's number."""
    return 128 + int(getattr(interrupt, "signal_number", signal.SIGINT))


def raise_on_sigterm() -> None:
    """Have SIGTERM unwind the program as Ctrl-C does, so that it tidies up and says how to go on.

    A launcher's own handler, such as submitit's or Ray's, is left in its place.
    """
    if _is_main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("", number)


class StopRequest:
    """Whether somebody has asked the work to stop.

    Attributes:
        signal_number: of the signal that came; ``None``: none did.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None:  # asked twice: at once
            raise Interrupted("", number)
        self.signal_number = number
        print("stopping after this update; once more to stop at once", file=sys.stderr, flush=True)


@contextmanager
def signals_as_requests() -> Iterator[StopRequest]:
    """While it lasts, SIGINT and SIGTERM do not break off the work, but are noted.

    Only signals that would end the program are treated so: those that are ignored, or that a
    launcher handles itself, are not.
    """
    request = StopRequest()
    replaced: dict[signal.Signals, Any] = {}
    if _is_main_thread():
        ours = (signal.SIG_DFL, signal.default_int_handler, _interrupt)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) in ours:
                replaced[number] = signal.signal(number, request._note)
    try:
        yield request
    finally:
        for replaced_number, handler in replaced.items():
            signal.signal(replaced_number, handler)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
