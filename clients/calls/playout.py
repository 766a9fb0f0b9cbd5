"""Plays reply audio in real time, as a carrier does for its caller: audio waits in a queue, marks wait for
the audio before them, and a clear drops what was not played yet.

Positions are samples from the start of the call. The queue is never filled up when it is empty: a gap in the
reply is a gap in the record.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Span:
    """Audio that was played without a gap. begin, end: in ms from the start of the call."""

    begin_ms: float
    end_ms: float


class Playout:
    """clock: seconds from the start of the call. heard: the caller's record, s16le at `rate`. clears_ms: when
    the server dropped audio. stopped_ms: how much each clear dropped."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self.heard = bytearray()
        self.clears_ms: list[float] = []
        self.dropped_ms: list[float] = []
        self.lead_ms = 0.0  # the longest time by which audio was ahead
        self._rate = rate
        self._clock = clock
        self._spans: list[list[int]] = []
        self._marks: deque[tuple[int, str]] = deque()  # positions

    def play(self, pcm: bytes) -> None:
        """Appends audio; it is played at once if nothing waits."""
        now = self._now()
        begin = max(now, self._end)
        end = begin + len(pcm) // SAMPLE_BYTES
        self.lead_ms = max(self.lead_ms, self._ms(end - now))
        self.heard += bytes(SAMPLE_BYTES * (begin - self._end)) + pcm
        if self._spans and self._spans[-1][1] == begin:
            self._spans[-1][1] = end
        else:
            self._spans.append([begin, end])

    def mark(self, name: str) -> None:
        """Adds a mark after the audio so far."""
        self._marks.append((self._end, name))

    def clear(self) -> None:
        """Drops the audio that was not played; its marks are reached at once."""
        now = self._now()
        self.clears_ms.append(self._ms(now))
        self.dropped_ms.append(self._ms(max(0, self._end - now)))
        del self.heard[SAMPLE_BYTES * now :]
        if self._spans:
            self._spans[-1][1] = min(now, self._spans[-1][1])
        self._marks = deque((min(now, at), name) for at, name in self._marks)

    def reached(self) -> list[str]:
        """The marks that were reached since the last call, in order."""
        now, names = self._now(), []
        while self._marks and self._marks[0][0] <= now:
            names.append(self._marks.popleft()[1])
        return names

    @property
    def silent_s(self) -> float:
        """For how long nothing has been played; 0 while audio is played."""
        return max(0, self._now() - self._end) / self._rate

    @property
    def begun(self) -> int:
        """How many spans have begun."""
        return len(self._spans)

    def played_s(self, since: int) -> float:
        """How much of the spans after number `since` has been played."""
        now = self._now()
        return sum(max(0, min(now, end) - begin) for begin, end in self._spans[since:]) / self._rate

    def spans(self) -> list[Span]:
        """What was played."""
        return [Span(self._ms(begin), self._ms(end)) for begin, end in self._spans if end > begin]

    @property
    def _end(self) -> int:
        return len(self.heard) // SAMPLE_BYTES

    def _now(self) -> int:
        return int(self._clock() * self._rate)

    def _ms(self, samples: int) -> float:
        return samples * 1000 / self._rate
