"""Limits on requests to the page."""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class RefusedError(ValueError):
    """A request is refused. The message tells the sender why."""


class Admission:
    """Limits on the length and the number of requests.

    Args:
        max_characters: the largest length of an input.
        requests_per_minute: how many requests one address may make.
    """

    def __init__(self, max_characters: int, requests_per_minute: int) -> None:
        self.max_characters = max_characters
        self._limit = RateLimitItemPerMinute(requests_per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def admit(self, address: str, text: str) -> str:
        """Give the text back as one line of valid characters.

        Raises:
            RefusedError: the text is too long, or the address has made too many requests.
        """
        if len(text) > self.max_characters:
            raise RefusedError(
                f"The text has {len(text):,} characters; at most {self.max_characters:,} are read."
            )
        if not self._limiter.hit(self._limit, address):
            raise RefusedError(
                f"More than {self._limit.amount} requests in a minute came from your address; "
                "wait a little."
            )
        # A JSON string may hold half a surrogate pair, which tokenizers cannot read.
        return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
