"""Whether the model endpoint has answered once, for the readiness page: "ready" means that it has.

An endpoint that is down keeps the server "not ready" for a limited time only. After that the server reports
that it is ready without the model: speech is still transcribed, and the turns fail with the reason. Anyone
may read this page, so it contains only our own words; what the endpoint sent is in the log.
"""

import asyncio
import time

import structlog

from voicegw.core.events import Message
from voicegw.core.responder import ReplyRequest
from voicegw.errors import NotReady, ReplyError
from voicegw.reply.llm.failover import FailoverResponder

log = structlog.get_logger(__name__)


class ModelReadiness:
    """Probes `responder` with `messages`, and again `pause_s` after each failure. The server is not ready
    until it has answered, but for `wait_ms` at most."""

    def __init__(
        self,
        responder: FailoverResponder,
        messages: tuple[Message, ...],
        wait_ms: int,
        pause_s: float = 1.0,
    ) -> None:
        self._responder = responder
        self._request = ReplyRequest(messages)
        self._ready_without_s = time.monotonic() + wait_ms / 1000
        self._pause_s = pause_s
        self._last_error = ""

    async def probe(self) -> None:
        """Sends requests until an endpoint has answered this one or any other request."""
        while not self._responder.answered:
            try:
                await self._responder.warm(self._request)
            except ReplyError as error:
                self._last_error = error.message
                await asyncio.sleep(self._pause_s)
        log.info("the model endpoint has answered")

    def check(self) -> str:
        """The status for the readiness page. Raises NotReady while the server waits for the first answer."""
        if self._responder.answered:
            return "the model endpoint has answered"
        state = f"gives no answer yet: {self._last_error}" if self._last_error else "has not answered yet"
        if time.monotonic() < self._ready_without_s:
            raise NotReady(f"the model endpoint {state}")
        return f"replies may fail: the model endpoint {state}"
