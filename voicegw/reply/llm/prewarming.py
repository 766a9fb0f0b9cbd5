"""Prewarming, once for many: when hundreds of sessions open at the same time they share a system prompt, and
one request is enough to have it in the endpoint's prefix cache."""

import asyncio
from collections.abc import Awaitable, Callable

from voicegw.core.dialogue import ReplyRequest
from voicegw.errors import ReplyError

_MAX_REMEMBERED = 64


class Prewarming:
    """Passes on to `ask` the requests that are worth it: not on their way, nor asked within `again_s`."""

    def __init__(self, ask: Callable[[ReplyRequest], Awaitable[None]], again_s: float) -> None:
        self._ask = ask
        self._again_s = again_s
        self._due: dict[ReplyRequest, float] = {}  # event loop's clock; infinity while on its way

    async def warm(self, request: ReplyRequest) -> None:
        """Raises what `ask` raises; returns at once when there is nothing to do."""
        now = asyncio.get_running_loop().time
        self._forget(now())
        if request in self._due or len(self._due) >= _MAX_REMEMBERED:
            return
        self._due[request] = float("inf")
        again_s = 0.0  # a session that leaves meanwhile leaves the prompt cold
        try:
            await self._ask(request)
            again_s = self._again_s
        except ReplyError:
            again_s = self._again_s
            raise
        finally:
            self._due[request] = now() + again_s

    def _forget(self, now: float) -> None:
        """Drops what is due again, so that no more is remembered than was asked lately."""
        for request in [each for each, due in self._due.items() if due <= now]:
            del self._due[request]
