"""The queue from a session to its socket: a reader sends the events of the journal after the last one that
its client has received, and waits here for new ones.

Reply audio is sent between the events, in order, but is not an event: it has no number, is not kept for a
client that reconnects, and is dropped when the reply is stopped or when more than two seconds of it wait.
When a reply is stopped, StopAudio is sent in place of its audio.
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
    """The client must discard the reply audio that it has not played yet."""


Outgoing = NumberedEvent | ReplyAudio | StopAudio


@dataclass(frozen=True, slots=True)
class _QueuedAudio:
    """Audio, or its stop, to be sent after event number `after`."""

    content: ReplyAudio | StopAudio
    after: int

    @property
    def audio_ms(self) -> float:
        return self.content.audio_ms if isinstance(self.content, ReplyAudio) else 0.0


class Reader:
    """The read position of one socket in the journal: events up to number `position` have been read."""

    def __init__(self, journal: Journal, seq: int) -> None:
        self.changed = asyncio.Event()
        self._journal = journal
        self.position = seq
        self._audio: list[_QueuedAudio] = []
        self._sending = False

    async def get(self) -> Outgoing:
        """The next item to send; waits for it."""
        while (outgoing := self._next()) is None:
            self.changed.clear()
            await self.changed.wait()
        self._sending = True
        return outgoing

    def _next(self) -> Outgoing | None:
        if self._audio and self._audio[0].after <= self.position:
            return self._audio.pop(0).content
        entry = self._journal.next_after(self.position)
        if entry is None:
            return None
        self.position = entry.seq
        return NumberedEvent(events.decode(entry.data), entry.seq)

    def sent(self) -> None:
        """The item of the last `get` has been sent."""
        self._sending = False
        self.changed.set()

    async def drained(self) -> None:
        """Waits until everything in the queue has been sent."""
        while self._sending or self._audio or self.position < self._journal.last:
            self.changed.clear()
            await self.changed.wait()

    def play(self, audio: ReplyAudio) -> float:
        """Queues reply audio after the current events; returns the ms of stale audio that it dropped."""
        self._audio.append(_QueuedAudio(audio, self._journal.last))
        self.changed.set()
        dropped, waiting = 0.0, sum(audio.audio_ms for audio in self._audio)
        oldest = int(isinstance(self._audio[0].content, StopAudio))  # a stop is first, and stays
        while waiting - dropped > MAX_AUDIO_MS:
            dropped += self._audio.pop(oldest).audio_ms
        return dropped

    def stop_audio(self) -> float:
        """Discards queued audio and tells the client to do the same; returns the ms that were queued here."""
        dropped = sum(audio.audio_ms for audio in self._audio)
        self._audio[:] = [_QueuedAudio(StopAudio(), self._journal.last)]
        self.changed.set()
        return dropped


class Outbox:
    """The outgoing events of one session.

    write_ahead: events are sent after they are saved, except while `degraded`: then the store has failed, and
    events are sent unsaved. unsaved: set when there is an event to save.
    """

    def __init__(self, journal: Journal, *, write_ahead: bool = False) -> None:
        self.journal = journal
        self.unsaved = SingleWaiterEvent()
        self.degraded = False
        self._write_ahead = write_ahead
        self._released = SingleWaiterEvent()
        self._reader: Reader | None = None

    @property
    def position(self) -> int:
        """The number of the last event that the current reader has read."""
        return 0 if self._reader is None else self._reader.position

    def put(self, event: Event) -> str | None:
        """Adds an event to the journal; returns as `Journal.add`. Raises SlowConsumer when the journal is
        full."""
        replaced = self.journal.add(event)
        self._publish()
        return replaced

    def play(self, audio: ReplyAudio) -> float:
        """Queues reply audio for the current reader; returns the ms of audio, this or older, that is
        dropped."""
        return audio.audio_ms if self._reader is None else self._reader.play(audio)

    def stop_audio(self) -> float:
        """Stops reply audio, here and at the client; returns the ms that were queued here."""
        return 0.0 if self._reader is None else self._reader.stop_audio()

    def _publish(self) -> None:
        if self._write_ahead:
            self.unsaved.set()
        if not self._write_ahead or self.degraded:
            self.release(self.journal.unsaved())

    def degrade(self) -> None:
        """Sends events unsaved from now on, because the store has failed."""
        self.degraded = True
        self.release(self.journal.unsaved())

    def release(self, entries: Iterable[Entry]) -> None:
        """Marks entries as saved; they may be sent."""
        self.journal.saved(entries)
        self._released.set()
        if self._reader is not None:
            self._reader.changed.set()

    async def saved(self) -> None:
        """Waits until all events so far are saved, or may be sent without. One task at a time may wait."""
        last = self.journal.last
        while any(entry.seq <= last for entry in self.journal.unsaved()):
            self._released.clear()
            await self._released.wait()

    def reader(self, after: int, taken: AudioAcknowledged) -> Reader:
        """A reader for a new socket; it replaces the previous reader, which gets no new events.

        after: the last event that the client has received. taken: what the client need not send again.
        """
        self.journal.replace_ready_events(after, taken)
        self._reader = Reader(self.journal, after)
        self._publish()
        return self._reader
