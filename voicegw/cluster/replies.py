"""Redis's replies as values: the one place that knows their shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream's entry as it was delivered: where it is, its bytes, and how many workers have had it."""

    stream: str
    id: str
    payload: bytes
    deliveries: int = 1

    @property
    def place(self) -> tuple[str, str]:
        """Which one it is: entries of different streams may have the same id."""
        return self.stream, self.id


def delivered(reply: Any, field: str) -> list[Entry]:
    """The entries in a reply to XREAD or XREADGROUP, each with the bytes of its `field`. One
    without it has none: it counts as malformed, and the others in the reply are not lost with it."""
    return [
        Entry(text(stream), text(entry), _value(fields, field.encode()))
        for stream, entries in reply or ()
        for entry, fields in entries
    ]


def _value(fields: Mapping[bytes, bytes] | Sequence[bytes], name: bytes) -> bytes:
    """From fields as redis-py gives them, or flat as Redis does."""
    if not isinstance(fields, Mapping):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    return fields.get(name, b"")


def claimed(stream: str, entries: Any) -> list[Entry]:
    """The entries in a reply to scripts.CLAIM."""
    return [Entry(stream, text(entry), payload, deliveries) for entry, payload, deliveries in entries]


def text(value: Any) -> str:
    """A name or an entry's place, which are plain ASCII."""
    return str(value, "ascii")
