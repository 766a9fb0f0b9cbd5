"""What a session has told its client, by number, for as long as the client may ask for it again.

Every event gets the next number and is kept, encoded for storage and not for any dialect, until the client
acknowledges it or newer ones need the room. A partial that nobody has been handed yet is replaced, under its
number, by the next partial of its turn, so that a slow client gets fewer of them and still sees contiguous
numbers.

An event may be handed out once it is saved: with a store that survives this process, whatever a client has
seen is there for the gateway that takes over.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voicegw.core import events
from voicegw.core.events import AudioAcknowledged, Event, PartialTranscript, SessionReady
from voicegw.errors import SlowConsumer

_Key = tuple[str, int]
ENTRY_BYTES = 200  # of the objects that hold an event's bytes, which may be more than these


@dataclass(slots=True)
class Entry:
    """One event, encoded. key: what newer event may take its place, None for one that is kept as it is.

    saved: with the store. shown: a client has been handed it, or may have been.
    """

    seq: int
    key: _Key | None
    data: bytes
    saved: bool = False
    shown: bool = False

    @property
    def size(self) -> int:
        """The bytes it takes."""
        return len(self.data) + ENTRY_BYTES


class Journal:
    """With more than `max_waiting_bytes` waiting to be shown it is overloaded, and twice as much is too much;
    about `max_kept_bytes` are kept of what was shown. An event counts as its encoded form and ENTRY_BYTES."""

    def __init__(self, max_waiting_bytes: int, max_kept_bytes: int) -> None:
        self.last = 0
        self.coalesced: Counter[str] = Counter()  # events replaced by newer ones, by what they are
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
        """Whether more waits to be shown than a client that keeps up would let."""
        return self._waiting_bytes > self._max_waiting_bytes

    @property
    def first(self) -> int:
        """The oldest number that is kept; one more than `last` when none is."""
        return next(iter(self._entries), self.last + 1)

    def add(self, event: Event) -> None:
        """Numbers and keeps an event. Raises SlowConsumer, keeping nothing, when too much waits."""
        key = _key(event)
        old = self._by_key.get(key) if key is not None else None
        entry = Entry(self.last + 1 if old is None else old.seq, key, events.encode(event))
        waiting = self._waiting_bytes + entry.size - (old.size if old else 0)
        if waiting > 2 * self._max_waiting_bytes:
            raise SlowConsumer(f"more than {2 * self._max_waiting_bytes} bytes wait to be read")
        self.last = max(self.last, entry.seq)
        if key is not None and old is not None:
            self.coalesced[key[0]] += 1
        self._waiting_bytes = waiting
        self._keep(entry)
        if isinstance(event, SessionReady):
            self._ready_events.add(entry.seq)

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.seq] = self._unsaved[entry.seq] = entry
        if entry.key is not None:
            self._by_key[entry.key] = entry

    # --- saving ---

    def unsaved(self) -> list[Entry]:
        """What the store does not have yet, or not as it is now."""
        return list(self._unsaved.values())

    def saved(self, entries: Iterable[Entry]) -> None:
        """The store has these; one that was replaced meanwhile is still to be saved."""
        for entry in entries:
            entry.saved = True
            if self._unsaved.get(entry.seq) is entry:
                del self._unsaved[entry.seq]

    def all(self) -> list[Entry]:
        """Everything that is kept, for a store that has lost it."""
        return list(self._entries.values())

    # --- showing ---

    def next_after(self, seq: int) -> Entry | None:
        """The event behind `seq`, once it is saved; it then counts as shown."""
        entry = self._entries.get(seq + 1)
        if entry is None or not entry.saved:
            return None
        if not entry.shown:
            self._show(entry)
        return entry

    def _show(self, entry: Entry) -> None:
        entry.shown = True
        self._waiting_bytes -= entry.size
        self._kept_bytes += entry.size
        if entry.key is not None and self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]
        while self._kept_bytes > self._max_kept_bytes:
            self._forget(self._entries[self.first])

    def acknowledge(self, seq: int) -> None:
        """The client has everything up to `seq`; more than it was shown is not believed."""
        for number in range(self.first, min(seq, self.last) + 1):
            entry = self._entries[number]
            if not entry.shown:
                return
            self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry.seq]
        self._unsaved.pop(entry.seq, None)
        self._kept_bytes -= entry.size

    @property
    def ready_events(self) -> list[int]:
        """The numbers of the kept SessionReady events that are not known to be handled by a client."""
        return sorted(self._ready_events & self._entries.keys())

    def can_resume_after(self, seq: int) -> bool:
        """Whether everything behind `seq` is still here."""
        return self.first - 1 <= seq <= self.last

    def replace_ready_events(self, after: int, taken: AudioAcknowledged) -> None:
        """Puts an acknowledgement in the place of every greeting behind `after`: a client that comes back
        must not take an old one for the one it waits for."""
        for seq in [number for number in self.ready_events if number > after]:
            old = self._entries[seq]
            new = Entry(seq, None, events.encode(taken), shown=old.shown)
            grown = new.size - old.size
            self._kept_bytes += grown if old.shown else 0
            self._waiting_bytes += 0 if old.shown else grown
            self._keep(new)
        self._ready_events.clear()

    def restore(self, stored: Mapping[int, bytes], last: int, ready_events: Iterable[int]) -> None:
        """Goes on where another journal was, with the events that a store has kept of it; any of them may
        have been shown. What is before a gap is of no use: nobody could be given the rest.

        Raises msgspec.MsgspecError for what is no event.
        """
        self.last = last
        self._ready_events.update(ready_events)
        first = last + 1
        while first - 1 in stored:
            first -= 1
        for seq in range(first, last + 1):
            events.decode(stored[seq])
            self._entries[seq] = Entry(seq, None, stored[seq], saved=True, shown=True)
            self._kept_bytes += self._entries[seq].size


def _key(event: Event) -> _Key | None:
    """What makes two events stand for the same thing, so that the newer one is enough."""
    match event:
        case PartialTranscript(turn):
            return ("partial", turn)
        case AudioAcknowledged():
            return ("ack", 0)
        case _:
            return None
