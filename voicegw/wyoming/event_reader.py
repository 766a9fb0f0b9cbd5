"""Reads the events of a client, with limits: the library reads as many bytes as an event announces."""

import asyncio

from wyoming.event import Event, async_read_event

from voicegw.errors import MalformedMessage, MessageTooBig

MAX_LINE_BYTES = 64 * 1024
MAX_EVENT_BYTES = 512 * 1024  # of its data, and of its audio


class EventReader(asyncio.StreamReader):
    """A stream of events."""

    def __init__(self) -> None:
        super().__init__(limit=MAX_LINE_BYTES)

    async def readline(self) -> bytes:
        """See StreamReader. Raises MessageTooBig."""
        try:
            return await super().readline()
        except ValueError:
            raise MessageTooBig(f"a line of over {MAX_LINE_BYTES} bytes") from None

    async def readexactly(self, n: int) -> bytes:
        """See StreamReader. Raises MessageTooBig and MalformedMessage, before anything is read."""
        if not isinstance(n, int):
            raise MalformedMessage("a length that is not a number")
        if n > MAX_EVENT_BYTES:
            raise MessageTooBig(f"an event of {n} bytes; the limit is {MAX_EVENT_BYTES}")
        return await super().readexactly(n)

    async def next_event(self) -> Event | None:
        """The next event; None at the end. Raises MessageTooBig or MalformedMessage."""
        try:
            event = await async_read_event(self)
        except asyncio.IncompleteReadError:
            return None
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise MalformedMessage("not an event of the Wyoming protocol") from error
        if event is None:
            if self.at_eof():
                return None
            raise MalformedMessage("an event begins with a line of JSON")
        if not (isinstance(event.type, str) and isinstance(event.data, dict)):
            raise MalformedMessage("not an event of the Wyoming protocol")
        return event
