"""The built-in responder, for a server without a language model.

It replies by rule (offline_rules.py) to the last user message and remembers nothing.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from voicegw.core.responder import Confirmation, ReplyRequest
from voicegw.reply.offline.offline_rules import reply_to


class OfflineResponder:
    """Streams the reply of a rule like a model's: a few words at a time, `pace_ms` apart.

    clock: gives the local time.
    """

    name = "offline"

    def __init__(self, clock: Callable[[], datetime] = datetime.now, pace_ms: float = 15) -> None:
        self._clock = clock
        self._pace_s = pace_ms / 1000

    async def respond(self, request: ReplyRequest, confirmed: Confirmation) -> AsyncGenerator[str, None]:
        """The reply to the last user message; earlier messages are not read."""
        text = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
        for number, piece in enumerate(pieces(reply_to(text, self._clock()))):
            if number:
                await asyncio.sleep(self._pace_s)
            yield piece

    async def prewarm(self, request: ReplyRequest) -> None:
        """Does nothing: rules need no prewarming."""

    async def close(self) -> None:
        """Does nothing: there are no connections."""


def pieces(text: str) -> list[str]:
    """`text` in runs of up to three words; joined, they are `text` again."""
    return re.findall(r"(?:\s*+\S++){1,3}(?:\s+$)?", text)
