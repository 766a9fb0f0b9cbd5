"""The way from a session's journal to a socket: whoever holds the socket reads the journal from where its
client left off, and waits here for what comes next.

Reply audio goes between the events, in its order, but is no event: it has no number, is not kept for a client
that comes back, and is dropped when the reply is stopped or when a client that reads too little lets two
seconds of it pile up. That it was stopped is said in its place.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from voicegw.core import events
from voicegw.core.events import AudioAcknowledged, Event
from voicegw.core.journal import Entry, Journal
from voicegw.dialects.port import ReplyAudio
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

MAX_AUDIO_MS = 2000.0


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event and its number among those of the session, from 1."""

    event: Event
    number: int


@dataclass(frozen=True, slots=True)
class StopAudio:
    """Reply audio that the client has not played yet is not to be played any more."""


Outgoing = NumberedEvent | ReplyAudio | StopAudio


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is to be sent behind event number `after`."""

    content: ReplyAudio | StopAudio
    after: int

    @property
    def audio_ms(self) -> float:
        return self.content.audio_ms if isinstance(self.content, ReplyAudio) else 0.0


class Reader:
    """One socket's place in the journal: everything up to `seq` has been taken."""

    def __init__(self, journal: Journal, seq: int) -> None:
        self.changed = asyncio.Event()
        self._journal = journal
        self._seq = seq
        self._audio: list[_Waiting] = []
        self._sending = False

    async def get(self) -> Outgoing:
        """What is to be sent next, waiting for it."""
        while (outgoing := self._next()) is None:
            self.changed.clear()
            await self.changed.wait()
        self._sending = True
        return outgoing

    def _next(self) -> Outgoing | None:
        if self._audio and self._audio[0].after <= self._seq:
            return self._audio.pop(0).content
        entry = self._journal.next_after(self._seq)
        if entry is None:
            return None
        self._seq = entry.seq
        return NumberedEvent(events.decode(entry.data), entry.seq)

    def sent(self) -> None:
        """What was taken last is with the network."""
        self._sending = False
        self.changed.set()

    async def drained(self) -> None:
        """Waits until everything there is has been sent."""
        while self._sending or self._audio or self._seq < self._journal.last:
            self.changed.clear()
            await self.changed.wait()

    def play(self, audio: ReplyAudio) -> float:
        """Reply audio, behind the events so far. How many ms of older audio it pushed out as stale."""
        self._audio.append(_Waiting(audio, self._journal.last))
        self.changed.set()
        dropped, waiting = 0.0, sum(audio.audio_ms for audio in self._audio)
        while waiting - dropped > MAX_AUDIO_MS:
            dropped += self._audio.pop(0).audio_ms
        return dropped

    def stop_audio(self) -> float:
        """Forgets the audio that waits, and has the client forget its own; how many ms waited here."""
        dropped = sum(audio.audio_ms for audio in self._audio)
        self._audio[:] = [_Waiting(StopAudio(), self._journal.last)]
        self.changed.set()
        return dropped


class Outbox:
    """What one session has to say. With `write_ahead`, an event waits until it is saved, unless the outbox is
    `degraded`: the store is away, and events are sent unsaved. `unsaved` is set when there is one to save."""

    def __init__(self, journal: Journal, *, write_ahead: bool = False) -> None:
        self.journal = journal
        self.unsaved = SingleWaiterEvent()
        self.degraded = False
        self._write_ahead = write_ahead
        self._reader: Reader | None = None

    def put(self, event: Event) -> None:
        """Adds an event to the journal. Raises SlowConsumer when far too much waits there."""
        self.journal.add(event)
        self._settle()

    def play(self, audio: ReplyAudio) -> float:
        """Reply audio for whoever reads now. How many ms of audio, this or older, will not be heard."""
        return audio.audio_ms if self._reader is None else self._reader.play(audio)

    def stop_audio(self) -> float:
        """Ends reply audio, here and at the client; how many ms of it waited here."""
        return 0.0 if self._reader is None else self._reader.stop_audio()

    def _settle(self) -> None:
        if self._write_ahead:
            self.unsaved.set()
        if not self._write_ahead or self.degraded:
            self.release(self.journal.unsaved())

    def degrade(self) -> None:
        """The store is away: nothing waits for it any longer."""
        self.degraded = True
        self.release(self.journal.unsaved())

    def release(self, entries: Iterable[Entry]) -> None:
        """These are saved, and may be sent."""
        self.journal.saved(entries)
        if self._reader is not None:
            self._reader.changed.set()

    def reader(self, after: int, taken: AudioAcknowledged) -> Reader:
        """For a new socket, whose client has seen the events up to `after`; `taken` is what it need not send
        again. A reader that was there before is not told of anything new."""
        self.journal.replace_ready_events(after, taken)
        self._reader = Reader(self.journal, after)
        self._settle()
        return self._reader
