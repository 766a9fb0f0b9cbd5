"""The packets of a call that arrive before its session is open."""

from collections import deque
from collections.abc import Iterator

from clients.audiosocket import RATES, Packet

KEPT_S = 10  # of the audio; by default a session may begin with less
_SAMPLE_BYTES = 2


class EarlyPackets:
    """Keeps all keys, and the newest audio. Whole samples are dropped, whatever the lengths of packets."""

    def __init__(self, first: Packet) -> None:
        self._kept: deque[Packet] = deque()
        self._older_keys: list[Packet] = []  # than all audio that is kept
        self._audio_bytes = 0
        self._bytes_per_s = _SAMPLE_BYTES * RATES[first.kind]
        self.add(first)

    def __iter__(self) -> Iterator[Packet]:
        yield from self._older_keys
        yield from self._kept

    def add(self, packet: Packet) -> None:
        """Appends a packet."""
        self._kept.append(packet)
        if packet.kind in RATES:
            self._audio_bytes += len(packet.content)
            self.drop_before(KEPT_S * 1000)

    def drop_before(self, newest_ms: int) -> None:
        """Drops the audio before the newest so many milliseconds."""
        excess = max(0, self._audio_bytes - newest_ms * self._bytes_per_s // 1000)
        excess += excess % _SAMPLE_BYTES
        while excess and self._kept:
            packet = self._kept.popleft()
            if packet.kind not in RATES:
                self._older_keys.append(packet)
                continue
            dropped = min(excess, len(packet.content))
            excess -= dropped
            self._audio_bytes -= dropped
            if dropped < len(packet.content):
                self._kept.appendleft(Packet(packet.kind, packet.content[dropped:]))
