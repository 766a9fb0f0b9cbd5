"""The tokens that work once and were shown: one gateway remembers them here, several share them in Redis."""

import heapq
import time
from typing import Protocol


class ReplayCache(Protocol):
    """Where they are remembered."""

    async def spend(self, token: str, lives_s: float) -> bool:
        """Whether this is the first time; after `lives_s` seconds it may be forgotten.

        Raises StoreUnavailable when that cannot be told.
        """


class LocalReplayCache:
    """Remembers them until they expire; after a restart it does not."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._expiries: list[tuple[float, str]] = []

    async def spend(self, token: str, lives_s: float) -> bool:
        """See ReplayCache."""
        now = time.monotonic()
        self._forget(now)
        if token in self._tokens:
            return False
        self._tokens.add(token)
        heapq.heappush(self._expiries, (now + lives_s, token))
        return True

    def _forget(self, now: float) -> None:
        while self._expiries and self._expiries[0][0] <= now:
            self._tokens.discard(heapq.heappop(self._expiries)[1])
