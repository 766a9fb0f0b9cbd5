"""The way from a session's journal to a socket: whoever holds the socket reads the journal from where its
client left off, and waits here for what comes next.

Reply audio goes between the events, in its order, but is no event: it has no number, is not kept for a client
that comes back, and is dropped when the reply is stopped or when a client that reads too little lets two
seconds of it pile up.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from voicegw.core.events import AudioAcknowledged, Event
from voicegw.core.journal import Entry, Journal
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

_MAX_AUDIO_MS = 2000.0


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent as one WebSocket message."""

    data: bytes
    text: bool = True


@dataclass(frozen=True, slots=True)
class _Audio:
    """Reply audio that waits, to be sent behind event number `after`."""

    data: bytes
    audio_ms: float
    after: int


class Reader:
    """One socket's place in the journal: everything up to `seq` has been taken."""

    def __init__(self, journal: Journal, seq: int) -> None:
        self.changed = asyncio.Event()
        self._journal = journal
        self._seq = seq
        self._audio: list[_Audio] = []
        self._sending = False

    async def get(self) -> Frame:
        """The next message to send, waiting for it."""
        while (frame := self._next()) is None:
            self.changed.clear()
            await self.changed.wait()
        self._sending = True
        return frame

    def _next(self) -> Frame | None:
        if self._audio and self._audio[0].after <= self._seq:
            return Frame(self._audio.pop(0).data, text=False)
        entry = self._journal.next_after(self._seq)
        if entry is None:
            return None
        self._seq = entry.seq
        return Frame(entry.frame)

    def sent(self) -> None:
        """The message last taken is with the network."""
        self._sending = False
        self.changed.set()

    async def drained(self) -> None:
        """Waits until everything there is has been sent."""
        while self._sending or self._audio or self._seq < self._journal.last:
            self.changed.clear()
            await self.changed.wait()

    def play(self, data: bytes, audio_ms: float) -> float:
        """Reply audio, behind the events so far. How many ms of older audio it pushed out as stale."""
        self._audio.append(_Audio(data, audio_ms, self._journal.last))
        self.changed.set()
        dropped, waiting = 0.0, sum(audio.audio_ms for audio in self._audio)
        while waiting - dropped > _MAX_AUDIO_MS:
            dropped += self._audio.pop(0).audio_ms
        return dropped

    def drop_audio(self) -> float:
        """Forgets the audio that waits; how many ms of it there were."""
        dropped = sum(audio.audio_ms for audio in self._audio)
        self._audio.clear()
        return dropped


class Outbox:
    """What one session has to say. With `write_ahead`, an event waits until it is saved, unless the outbox is
    `adrift`; `unsaved` is set when there is one to save."""

    def __init__(self, journal: Journal, *, write_ahead: bool = False) -> None:
        self.journal = journal
        self.unsaved = SingleWaiterEvent()
        self.adrift = False
        self._write_ahead = write_ahead
        self._reader: Reader | None = None

    def put(self, event: Event) -> None:
        """Adds an event to the journal. Raises SlowConsumer when far too much waits there."""
        self.journal.add(event)
        self._settle()

    def play(self, data: bytes, audio_ms: float) -> float:
        """Reply audio for whoever reads now. How many ms of audio, this or older, will not be heard."""
        return audio_ms if self._reader is None else self._reader.play(data, audio_ms)

    def drop_audio(self) -> float:
        """Forgets the reply audio that waits; how many ms of it there were."""
        return 0.0 if self._reader is None else self._reader.drop_audio()

    def _settle(self) -> None:
        if self._write_ahead:
            self.unsaved.set()
        if not self._write_ahead or self.adrift:
            self.release(self.journal.unsaved())

    def cut_loose(self) -> None:
        """The store is away: nothing waits for it any longer."""
        self.adrift = True
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
