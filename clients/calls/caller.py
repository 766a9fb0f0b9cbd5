"""The caller of a simulated call: speaks each line at its time, in frames of 20 ms.

A caller hears only audio: a reply is over when nothing was played for REPLY_END_S. A greeting is waited for
in the same way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from clients.audio import FRAME_MS, FRAME_S, SAMPLE_BYTES, frames
from clients.calls.playout import Playout
from clients.errors import Incomplete

GREETING_S = 1.0  # without audio, before the caller speaks first
REPLY_END_S = 1.2  # without audio after a reply; longer than pauses between sentences
BARGE_IN_S = 1.5  # of a reply, before it is interrupted
ANSWER_TIMEOUT_S = 30.0
SPEECH_MS = 60  # of loud audio in a row is speech
_LOUD = 0.1  # of the loudest 20 ms
_HOP_MS = 5


@dataclass(frozen=True)
class Line:
    """What the caller says next, s16le at the carrier's rate; into the current reply if `interrupts`."""

    pcm: bytes
    interrupts: bool = False


@dataclass(frozen=True)
class Said:
    """A line and when it was spoken, without silence at its ends. begin, end: ms from the start of the
    call."""

    begin_ms: float
    end_ms: float
    interrupts: bool


@dataclass
class Caller:
    """pcm: all that the caller said, silence included. said: the lines. Raises Incomplete when no reply
    comes."""

    lines: Sequence[Line]
    playout: Playout
    rate: int
    pcm: bytearray = field(default_factory=bytearray)
    said: list[Said] = field(default_factory=list)

    def frames(self) -> Iterator[bytes]:
        """The caller's audio until the end of the last reply."""
        yield from self._listen_to_greeting()
        begun, asked_ms = 0, 0.0
        for number, line in enumerate(self.lines):
            if line.interrupts:
                yield from self._wait_to_interrupt(begun)
            elif number:
                yield from self._listen_to_reply(asked_ms)
            begun = self.playout.begun
            yield from self._speak(line)
            asked_ms = self.said[-1].end_ms
        yield from self._listen_to_reply(asked_ms)

    def _speak(self, line: Line) -> Iterator[bytes]:
        begin, end = speech_of(line.pcm, self.rate)
        at_ms = self._elapsed_ms()
        self.said.append(Said(at_ms + begin, at_ms + end, line.interrupts))
        yield from self._record(frames(line.pcm, self.rate))

    def _listen_to_greeting(self) -> Iterator[bytes]:
        for _ in range(round(ANSWER_TIMEOUT_S / FRAME_S)):
            if self.playout.silent_s > GREETING_S:
                return
            yield from self._silence()

    def _wait_to_interrupt(self, begun: int) -> Iterator[bytes]:
        """Waits until enough of the reply was heard. begun: the spans that had begun before the last line."""
        for _ in range(round(ANSWER_TIMEOUT_S / FRAME_S)):
            if self.playout.played_s(begun) >= BARGE_IN_S:
                return
            yield from self._silence()
        raise Incomplete("no reply came that could be interrupted")

    def _listen_to_reply(self, asked_ms: float) -> Iterator[bytes]:
        """Waits for a reply that begins after the caller has spoken, and for its end."""
        for _ in range(round(ANSWER_TIMEOUT_S / FRAME_S)):
            last = self.playout.spans()[-1:]
            if last and last[0].begin_ms > asked_ms and self.playout.silent_s > REPLY_END_S:
                return
            yield from self._silence()
        raise Incomplete("no reply came, or it did not end")

    def _silence(self) -> Iterator[bytes]:
        yield from self._record([bytes(self.rate * FRAME_MS // 1000 * SAMPLE_BYTES)])

    def _record(self, audio: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
        whole = self.rate * FRAME_MS // 1000 * SAMPLE_BYTES
        for frame in audio:
            frame = frame.ljust(whole, b"\0")
            self.pcm += frame
            yield frame

    def _elapsed_ms(self) -> float:
        return len(self.pcm) * 1000 / (self.rate * SAMPLE_BYTES)


def speech_of(pcm: bytes, rate: int) -> tuple[float, float]:
    """Where speech begins and ends in audio, in ms, to 20 ms: at the first and the last SPEECH_MS of loud
    audio. Noise of the recording and clicks are neither."""
    samples = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.float64))
    hop = rate * _HOP_MS // 1000
    if len(samples) < 4 * hop:
        return 0.0, 0.0
    levels = np.convolve(samples, np.full(4 * hop, 1 / (4 * hop)), mode="valid")[::hop]
    length = SPEECH_MS // _HOP_MS
    voiced = np.convolve(levels > _LOUD * levels.max(), np.ones(length), mode="valid") == length
    begins = np.flatnonzero(voiced)
    if not len(begins) or not levels.max():
        return 0.0, 0.0
    return float(begins[0] * _HOP_MS), float((begins[-1] + length + 3) * _HOP_MS)
