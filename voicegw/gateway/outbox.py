"""The way from a session's journal to a socket: whoever holds the socket reads the journal from where its
client left off, and waits here for what comes next.
"""

import asyncio
from collections.abc import Iterable

from voicegw.core.events import AudioAcknowledged, Event
from voicegw.core.journal import Entry, Journal


class Reader:
    """One socket's place in the journal: everything up to `seq` has been taken."""

    def __init__(self, journal: Journal, seq: int) -> None:
        self.changed = asyncio.Event()
        self._journal = journal
        self._seq = seq
        self._sending = False

    async def get(self) -> bytes:
        """The next message to send, waiting for it."""
        while (entry := self._journal.next_after(self._seq)) is None:
            self.changed.clear()
            await self.changed.wait()
        self._seq = entry.seq
        self._sending = True
        return entry.frame

    def sent(self) -> None:
        """The message last taken is with the network."""
        self._sending = False
        self.changed.set()

    async def drained(self) -> None:
        """Waits until everything there is has been sent."""
        while self._sending or self._seq < self._journal.last:
            self.changed.clear()
            await self.changed.wait()


class Outbox:
    """What one session has to say. With `write_ahead`, an event waits until it is saved."""

    def __init__(self, journal: Journal, *, write_ahead: bool = False) -> None:
        self.journal = journal
        self._write_ahead = write_ahead
        self._reader: Reader | None = None

    def put(self, event: Event) -> None:
        """Adds an event to the journal. Raises SlowConsumer when far too much waits there."""
        self.journal.add(event)
        self._settle()

    def _settle(self) -> None:
        if not self._write_ahead:
            self.release(self.journal.unsaved())

    def release(self, entries: Iterable[Entry]) -> None:
        """These are saved, and may be sent."""
        self.journal.saved(entries)
        if self._reader is not None:
            self._reader.changed.set()

    def reader(self, after: int, taken: AudioAcknowledged) -> Reader:
        """For a new socket, whose client has seen the events up to `after`; `taken` is what it need not send
        again. A reader that was there before is not told of anything new."""
        self.journal.retire_greetings(after, taken)
        self._reader = Reader(self.journal, after)
        self._settle()
        return self._reader
