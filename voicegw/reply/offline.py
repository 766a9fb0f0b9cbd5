"""The built-in responder, for when no language model is configured.

It answers by rule (rules.py), reads the last user message only, so remembers nothing, and never passes for a
language model.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from voicegw.core.dialogue import Confirmation
from voicegw.core.events import Message
from voicegw.reply import cities
from voicegw.reply.rules import reply_to


def _local_time() -> datetime:
    return datetime.now().astimezone()


class OfflineResponder:
    """Streams a rule's reply a few words at a time, `pace_ms` apart, as a model would.

    clock: gives the local time, aware of its zone.
    """

    name = "offline"

    def __init__(self, clock: Callable[[], datetime] = _local_time, pace_ms: float = 15) -> None:
        self._clock = clock
        self._pace_s = pace_ms / 1000
        cities.zones()  # reads files, which no turn should wait for

    async def respond(
        self, messages: Sequence[Message], confirmed: Confirmation
    ) -> AsyncGenerator[str, None]:
        """The reply to the last user message; what came before it is not read."""
        text = next((message.content for message in reversed(messages) if message.role == "user"), "")
        for number, piece in enumerate(pieces(reply_to(text, self._clock()))):
            if number:
                await asyncio.sleep(self._pace_s)
            yield piece

    async def prewarm(self, messages: Sequence[Message]) -> None:
        """Rules need no warming."""

    async def close(self) -> None:
        """There is nothing to give back."""


def pieces(text: str) -> list[str]:
    """`text` in runs of up to three words; joined, they are `text` again."""
    return re.findall(r"(?:\s*+\S++){1,3}(?:\s+$)?", text)
