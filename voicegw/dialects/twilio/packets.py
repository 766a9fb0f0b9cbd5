"""Puts the packets of a stream in order and finds the lost ones, so that a loss is a gap and not a shift of
all later audio.

Packets are counted by the carrier. Some carriers lose the order; they are waited for until a few later
packets have arrived. A codec has no clock, so a packet that is waited for is given up by count. Numbers are
used only while they count packets: where several in a row did.
"""

from collections import deque
from collections.abc import Iterator

MAX_LATE = 5  # packets that arrive before a missing one is given up: 100 ms
MAX_LOST = 50  # packets that are replaced: 1 s; a longer gap is a pause of the stream
_TRUSTED = 3  # packets in a row that show that numbers count packets


class Packets:
    """late: packets that may arrive before one with a lower number."""

    def __init__(self, late: int) -> None:
        self._late = late
        self._next: int | None = None
        self._in_a_row = 0
        self._early: dict[int, bytes] = {}
        self._replaced: deque[int] = deque(maxlen=MAX_LOST)

    def push(self, number: int | None, data: bytes) -> Iterator[bytes | None]:
        """The packets that are complete now, in order; None for each lost one. number: of the packet; None
        when the carrier gives none."""
        if number is None:
            yield data
            return
        if number in self._replaced:
            return
        ahead = 0 if self._next is None else number - self._next
        if abs(ahead) > MAX_LOST or (ahead and self._in_a_row < _TRUSTED and not self._early):
            yield from self._restart(number, data)
        elif ahead >= 0:  # others come twice
            self._early[number] = data
            yield from self._in_order(number if self._next is None else self._next)

    def _in_order(self, first: int) -> Iterator[bytes | None]:
        """Takes the packets from `first` on; gives up missing ones when enough later packets have arrived."""
        self._next = first
        while self._early:
            if (data := self._early.pop(self._next, None)) is not None:
                self._in_a_row += 1
            elif len(self._early) > self._late:
                self._in_a_row = 0
                self._replaced.append(self._next)
            else:
                return
            self._next += 1
            yield data

    def _restart(self, number: int, data: bytes) -> Iterator[bytes]:
        """Counts from this packet on."""
        yield from (self._early[early] for early in sorted(self._early))
        self._early.clear()
        self._replaced.clear()
        self._in_a_row, self._next = 0, number + 1
        yield data
