"""What waits to be sent to one client: bounded in bytes, and newest wins where only the newest matters.

Finals, replies and errors are never dropped. A partial that has not been sent yet is replaced, in its
place and under its sequence number, by the next partial of the same turn, so that a slow client gets
fewer of them and still sees contiguous numbers. A client that does not even keep up with that is told so
and closed (SlowConsumer).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voicegw.core.events import AudioAcknowledged, Event, PartialTranscript
from voicegw.errors import SlowConsumer


@dataclass(slots=True)
class _Slot:
    """One queued message, and what newer message may take its place."""

    seq: int
    key: tuple[str, int] | None
    frame: bytes


class Outbox:
    """`encode` turns an event and its sequence number into a text frame."""

    def __init__(self, encode: Callable[[Event, int], bytes], max_bytes: int) -> None:
        self.coalesced = 0
        self._encode = encode
        self._max_bytes = max_bytes
        self._slots: dict[int, _Slot] = {}
        self._by_key: dict[tuple[str, int], _Slot] = {}
        self._bytes = 0
        self._seq = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def put(self, event: Event) -> None:
        """Queues an event. Raises SlowConsumer, queueing nothing, when the client is too far behind."""
        key = _key(event)
        replaced = self._by_key.get(key) if key is not None else None
        seq = self._seq + 1 if replaced is None else replaced.seq
        slot = _Slot(seq, key, self._encode(event, seq))
        grown = self._bytes + len(slot.frame) - (len(replaced.frame) if replaced else 0)
        if grown > self._max_bytes:
            raise SlowConsumer(f"more than {self._max_bytes} bytes wait to be read")
        self.coalesced += replaced is not None
        self._seq = max(seq, self._seq)
        self._bytes = grown
        self._slots[seq] = slot
        if key is not None:
            self._by_key[key] = slot
        self._filled.set()
        self._emptied.clear()

    async def get(self) -> bytes:
        """The next message to send, waiting for it."""
        while not self._slots:
            self._filled.clear()
            await self._filled.wait()
        slot = self._slots.pop(next(iter(self._slots)))
        if slot.key is not None:
            del self._by_key[slot.key]
        self._bytes -= len(slot.frame)
        return slot.frame

    def sent(self) -> None:
        """The message last taken is with the network."""
        if not self._slots:
            self._emptied.set()

    async def drained(self) -> None:
        """Waits until everything queued has been sent."""
        await self._emptied.wait()


def _key(event: Event) -> tuple[str, int] | None:
    """What makes two events stand for the same thing, so that the newer one is enough."""
    match event:
        case PartialTranscript(turn):
            return ("partial", turn)
        case AudioAcknowledged():
            return ("ack", 0)
        case _:
            return None
