"""Records what the assistant says, at the time at which it is heard."""

from collections.abc import Callable

from clients.audio import SAMPLE_BYTES


class AssistantTrack:
    """An Output (`clients.playback`) that records what it plays. clock: seconds from the start."""

    def __init__(self, clock: Callable[[], float], rate: int) -> None:
        self.pcm = bytearray()
        self._clock = clock
        self._rate = rate
        self._pieces: list[tuple[int, int]] = []  # of the current reply, in bytes of the track

    def begin(self) -> None:
        """A new reply follows."""
        self._pieces.clear()

    def play(self, pcm: bytes) -> None:
        """Append audio."""
        begin = max(self._now(), len(self.pcm))
        self.pcm += bytes(begin - len(self.pcm)) + pcm
        self._pieces.append((begin, begin + len(pcm)))

    def flush(self) -> None:
        """Discard what was not played."""
        del self.pcm[self._now() :]

    @property
    def played_ms(self) -> int:
        """How much of the reply has been played."""
        now = self._now()
        played = sum(max(0, min(now, end) - begin) for begin, end in self._pieces)
        return played * 1000 // (self._rate * SAMPLE_BYTES)

    def _now(self) -> int:
        return int(self._clock() * self._rate) * SAMPLE_BYTES
