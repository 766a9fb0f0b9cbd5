"""Prewarming of the endpoint's prefix cache, once per prompt: sessions share their system prompt, so one
request is enough for hundreds of sessions that open at the same time."""

import asyncio
from collections.abc import Awaitable, Callable

from voicegw.core.responder import ReplyRequest
from voicegw.errors import ReplyError

_MAX_PROMPTS = 64


class Prewarming:
    """Calls `send` with a request, unless the same one is being sent or was sent within `interval_s`."""

    def __init__(self, send: Callable[[ReplyRequest], Awaitable[None]], interval_s: float) -> None:
        self._send = send
        self._interval_s = interval_s
        self._next_s: dict[ReplyRequest, float] = {}  # event loop's clock; infinity while it is being sent

    async def warm(self, request: ReplyRequest) -> None:
        """Raises what `send` raises; returns at once when there is nothing to do."""
        now = asyncio.get_running_loop().time
        self._forget(now())
        if request in self._next_s or len(self._next_s) >= _MAX_PROMPTS:
            return
        self._next_s[request] = float("inf")
        interval_s = 0.0  # after a cancellation the prompt is not in the cache
        try:
            await self._send(request)
            interval_s = self._interval_s
        except ReplyError:
            interval_s = self._interval_s
            raise
        finally:
            self._next_s[request] = now() + interval_s

    def _forget(self, now: float) -> None:
        """Deletes the requests that may be sent again."""
        for request in [each for each, next_s in self._next_s.items() if next_s <= now]:
            del self._next_s[request]
