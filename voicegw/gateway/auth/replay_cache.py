"""Used single-use tokens: one gateway remembers them in memory, several share them in Redis."""

import heapq
import time
from typing import Protocol


class ReplayCache(Protocol):
    """The port to the store of used tokens."""

    async def consume(self, token: str, lives_s: float) -> bool:
        """Records a use of the token; returns whether it is the first. The record is kept for `lives_s`.

        Raises StoreUnavailable when the store does not answer.
        """


class LocalReplayCache:
    """Remembers used tokens in memory until they expire or the process ends."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._expiries: list[tuple[float, str]] = []

    async def consume(self, token: str, lives_s: float) -> bool:
        """See ReplayCache."""
        now = time.monotonic()
        self._forget(now)
        if token in self._tokens:
            return False
        self._tokens.add(token)
        heapq.heappush(self._expiries, (now + lives_s, token))
        return True

    def holds(self, token: str) -> bool:
        """Whether the token is recorded."""
        self._forget(time.monotonic())
        return token in self._tokens

    def _forget(self, now: float) -> None:
        while self._expiries and self._expiries[0][0] <= now:
            self._tokens.discard(heapq.heappop(self._expiries)[1])
