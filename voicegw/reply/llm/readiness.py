"""Whether the model endpoint has answered once, for the readiness probe: "ready means warm".

An endpoint that is down keeps the probe red for a stated time only. After that the server says that it is
ready without: what is said is still transcribed, and the turns fail with the reason. Anyone may ask for this
page, so it is in our own words; what the endpoint said is in the log.
"""

import asyncio
import time

import structlog

from voicegw.core.dialogue import ReplyRequest
from voicegw.core.events import Message
from voicegw.errors import NotReady, ReplyError
from voicegw.reply.llm.failover import FailoverResponder

log = structlog.get_logger(__name__)


class FirstAnswer:
    """Waits for the first answer of `responder`, asked with `messages`, for `wait_ms` at the most; asks again
    `pause_s` after a failure."""

    def __init__(
        self,
        responder: FailoverResponder,
        messages: tuple[Message, ...],
        wait_ms: int,
        pause_s: float = 1.0,
    ) -> None:
        self._responder = responder
        self._request = ReplyRequest(messages)
        self._overdue_at = time.monotonic() + wait_ms / 1000
        self._pause_s = pause_s
        self._trouble = ""

    async def ask(self) -> None:
        """Asks until there has been an answer, to this or to anyone's question."""
        while not self._responder.answered:
            try:
                await self._responder.warm(self._request)
            except ReplyError as error:
                self._trouble = error.message
                await asyncio.sleep(self._pause_s)
        log.info("the model endpoint has answered")

    def check(self) -> str:
        """What is to be said beside "ready". Raises NotReady while the answer is being waited for."""
        if self._responder.answered:
            return "the model endpoint has answered"
        answer = f"gives no answer yet: {self._trouble}" if self._trouble else "has not answered yet"
        if time.monotonic() < self._overdue_at:
            raise NotReady(f"the model endpoint {answer}")
        return f"replies may fail: the model endpoint {answer}"
