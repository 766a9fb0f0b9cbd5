"""The event journal: the numbered events of a session, kept while the client may request them again.

Every event gets the next number. It is kept, encoded independently of the dialect, until the client
acknowledges it or newer events need the space. A partial that was not delivered yet is replaced, under the
same number, by the next partial of its turn: a slow client gets fewer partials, and the numbers stay
contiguous.

An event is delivered only after it is saved. With a store that outlives this process, the gateway that takes
the session over has every event that the client has received.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voicegw.core import events
from voicegw.core.events import AudioAcknowledged, Event, PartialTranscript, SessionReady
from voicegw.errors import SlowConsumer

_Key = tuple[str, int]
ENTRY_BYTES = 200  # the memory of an entry without its data, which may be smaller


@dataclass(slots=True)
class Entry:
    """One encoded event. key: a newer event with the same key may replace it; None if none may.

    saved: the store has it. delivered: it was delivered, or may have been.
    """

    seq: int
    key: _Key | None
    data: bytes
    saved: bool = False
    delivered: bool = False

    @property
    def size(self) -> int:
        """Its memory in bytes."""
        return len(self.data) + ENTRY_BYTES


class Journal:
    """The events of one session.

    max_waiting_bytes: above this size of undelivered events the journal is overloaded; above twice this size
    `add` fails. max_kept_bytes: the approximate size of delivered events that are kept. The size of an event
    is that of its encoding plus ENTRY_BYTES. last: the number of the newest event.
    """

    def __init__(self, max_waiting_bytes: int, max_kept_bytes: int) -> None:
        self.last = 0
        self._max_waiting_bytes = max_waiting_bytes
        self._max_kept_bytes = max_kept_bytes
        self._entries: dict[int, Entry] = {}
        self._by_key: dict[_Key, Entry] = {}
        self._unsaved: dict[int, Entry] = {}
        self._ready_events: set[int] = set()
        self._waiting_bytes = 0
        self._kept_bytes = 0

    @property
    def overloaded(self) -> bool:
        """Whether the client is too slow."""
        return self._waiting_bytes > self._max_waiting_bytes

    @property
    def waiting_bytes(self) -> int:
        """The size of the undelivered events."""
        return self._waiting_bytes

    @property
    def first(self) -> int:
        """The number of the oldest kept event; `last` + 1 when none is kept."""
        return next(iter(self._entries), self.last + 1)

    def add(self, event: Event) -> str | None:
        """Adds an event; returns the kind of the event that it replaced. Raises SlowConsumer and changes
        nothing when too much is undelivered."""
        key = _key(event)
        old = self._by_key.get(key) if key is not None else None
        entry = Entry(self.last + 1 if old is None else old.seq, key, events.encode(event))
        waiting = self._waiting_bytes + entry.size - (old.size if old else 0)
        if waiting > 2 * self._max_waiting_bytes:
            raise SlowConsumer(f"more than {2 * self._max_waiting_bytes} bytes wait to be read")
        self.last = max(self.last, entry.seq)
        self._waiting_bytes = waiting
        self._keep(entry)
        if isinstance(event, SessionReady):
            self._ready_events.add(entry.seq)
        return None if key is None or old is None else key[0]

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.seq] = self._unsaved[entry.seq] = entry
        if entry.key is not None:
            self._by_key[entry.key] = entry

    # --- saving ---

    def unsaved(self) -> list[Entry]:
        """The events that the store does not have in their current form."""
        return list(self._unsaved.values())

    def saved(self, entries: Iterable[Entry]) -> None:
        """The store has these entries now. An entry that was replaced meanwhile stays unsaved."""
        for entry in entries:
            entry.saved = True
            if self._unsaved.get(entry.seq) is entry:
                del self._unsaved[entry.seq]

    def entries(self) -> list[Entry]:
        """All kept events."""
        return list(self._entries.values())

    # --- delivery ---

    def next_after(self, seq: int) -> Entry | None:
        """The event after `seq`, which then counts as delivered; None while it is not saved."""
        entry = self._entries.get(seq + 1)
        if entry is None or not entry.saved:
            return None
        if not entry.delivered:
            self._deliver(entry)
        return entry

    def _deliver(self, entry: Entry) -> None:
        entry.delivered = True
        self._waiting_bytes -= entry.size
        self._kept_bytes += entry.size
        if entry.key is not None and self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]
        while self._kept_bytes > self._max_kept_bytes:
            self._drop(self._entries[self.first])

    def acknowledge(self, seq: int) -> None:
        """The client has all events up to `seq`. Undelivered events stay, whatever it acknowledges."""
        for number in range(self.first, min(seq, self.last) + 1):
            entry = self._entries[number]
            if not entry.delivered:
                return
            self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        del self._entries[entry.seq]
        self._unsaved.pop(entry.seq, None)
        self._kept_bytes -= entry.size

    @property
    def ready_events(self) -> list[int]:
        """The numbers of the kept SessionReady events that are not known to be handled by a client."""
        return sorted(self._ready_events & self._entries.keys())

    def can_resume_after(self, seq: int) -> bool:
        """Whether all events after `seq` are kept."""
        return self.first - 1 <= seq <= self.last

    def replace_ready_events(self, after: int, taken: AudioAcknowledged) -> None:
        """Replaces every kept SessionReady after `after` by an acknowledgement, so that a client that
        reconnects does not mistake an old one for the new one."""
        for seq in [number for number in self.ready_events if number > after]:
            old = self._entries[seq]
            new = Entry(seq, None, events.encode(taken), delivered=old.delivered)
            grown = new.size - old.size
            self._kept_bytes += grown if old.delivered else 0
            self._waiting_bytes += 0 if old.delivered else grown
            self._keep(new)
        self._ready_events.clear()

    def restore(self, stored: Mapping[int, bytes], last: int, ready_events: Iterable[int]) -> None:
        """Continues another journal with the events of a store, all of which may have been delivered. Events
        before a gap are dropped, because no client can resume before it. Raises msgspec.MsgspecError for an
        invalid event.
        """
        self.last = last
        self._ready_events.update(ready_events)
        first = last + 1
        while first - 1 in stored:
            first -= 1
        for seq in range(first, last + 1):
            events.decode(stored[seq])
            self._entries[seq] = Entry(seq, None, stored[seq], saved=True, delivered=True)
            self._kept_bytes += self._entries[seq].size


def _key(event: Event) -> _Key | None:
    """The key of events of which only the newest matters."""
    match event:
        case PartialTranscript(turn):
            return ("partial", turn)
        case AudioAcknowledged():
            return ("ack", 0)
        case _:
            return None
