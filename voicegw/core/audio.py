"""Audio in the core: input formats, the sample clock, framing into windows, and the audio buffer.

Inside the core, audio is mono int16 at 16 kHz and time is a count of those samples since the session's
first one. Audio of another rate or in G.711 is converted on entry: n input samples always give
ceil(n * 16000 / rate) samples, so positions convert in both directions without drift.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from voicegw.core import g711
from voicegw.core.resample import Resampler, ResamplerState
from voicegw.errors import AudioTooFast, OddByteCount

SAMPLE_RATE = 16_000
SAMPLE_BYTES = 2  # s16le
WINDOW_MS = 20
WINDOW_SAMPLES = SAMPLE_RATE * WINDOW_MS // 1000
INPUT_RATES = (8_000, 16_000, 24_000, 48_000)
LONGEST_CREDIT_MS = 150_000.0
_FORGIVEN = 0.1  # of real time

Pcm = NDArray[np.int16]


def to_ms(samples: int) -> int:
    """A position or length at 16 kHz in whole milliseconds, rounded down."""
    return samples * 1000 // SAMPLE_RATE


def to_samples(milliseconds: int) -> int:
    """Milliseconds as a count of samples at 16 kHz."""
    return milliseconds * SAMPLE_RATE // 1000


class AudioFormat(StrEnum):
    """How a client encodes its samples."""

    PCM = "pcm_s16le"
    MULAW = "mulaw"
    ALAW = "alaw"


class DecoderState(msgspec.Struct, array_like=True):
    """The state of an InputDecoder. resampler: None where the rate is not converted."""

    input_samples: int
    resampler: ResamplerState | None


class InputDecoder:
    """Converts a client's bytes to int16 at 16 kHz. input_samples: the number of samples received, at
    `rate`."""

    def __init__(self, audio_format: AudioFormat, rate: int) -> None:
        self.rate = rate
        self.format = audio_format
        self.input_samples = 0
        self._resampler = None if rate == SAMPLE_RATE else Resampler(rate, SAMPLE_RATE)

    def snapshot(self) -> DecoderState:
        """Its state."""
        return DecoderState(self.input_samples, self._resampler.snapshot() if self._resampler else None)

    def restore(self, state: DecoderState) -> None:
        """Continues from the state of another decoder of the same format and rate."""
        self.input_samples = state.input_samples
        if self._resampler is not None and state.resampler is not None:
            self._resampler.restore(state.resampler)

    def decode(self, data: bytes) -> Pcm:
        """The new samples at 16 kHz. Raises OddByteCount and changes nothing for half a sample."""
        pcm = samples_of(data, self.format)
        self.input_samples += len(pcm)
        return pcm if self._resampler is None else self._resampler.push(pcm)


def samples_of(data: bytes, audio_format: AudioFormat) -> Pcm:
    """The samples in a client's bytes, at its rate. Raises OddByteCount for half a sample."""
    if audio_format is AudioFormat.MULAW:
        return g711.decode_mulaw(data)
    if audio_format is AudioFormat.ALAW:
        return g711.decode_alaw(data)
    if len(data) % 2:
        raise OddByteCount(f"{len(data)} bytes are not whole 16-bit samples; the frame was not used")
    return np.frombuffer(data, dtype="<i2")


def encode(pcm: bytes, audio_format: AudioFormat) -> bytes:
    """s16le audio in a client's format, at the same rate."""
    if audio_format is AudioFormat.MULAW:
        return g711.encode_mulaw(np.frombuffer(pcm, dtype="<i2"))
    if audio_format is AudioFormat.ALAW:
        return g711.encode_alaw(np.frombuffer(pcm, dtype="<i2"))
    return pcm


class Framer(msgspec.Struct, array_like=True):
    """Cuts a stream of pieces of any length into windows of exactly 20 ms.

    position: the number of samples received. rest: those of them that are not a whole window yet, as s16le.
    """

    position: int = 0
    rest: bytes = b""

    def __post_init__(self) -> None:
        if len(self.rest) % 2:
            raise ValueError("the rest is not whole 16-bit samples")

    def push(self, pcm: Pcm) -> Sequence[Pcm]:
        """The windows completed by `pcm`, in order; the rest is kept for the next call."""
        self.position += len(pcm)
        if len(pcm) == WINDOW_SAMPLES and not self.rest:
            return (pcm,)  # the usual case, without a copy
        pcm = np.concatenate([np.frombuffer(self.rest, dtype="<i2"), pcm])
        whole = len(pcm) - len(pcm) % WINDOW_SAMPLES
        self.rest = pcm[whole:].tobytes()
        return [pcm[begin : begin + WINDOW_SAMPLES] for begin in range(0, whole, WINDOW_SAMPLES)]

    def flush(self) -> Sequence[Pcm]:
        """The last, incomplete window, padded with silence; nothing if there is no rest."""
        if not self.rest:
            return ()
        last, self.rest = self.rest.ljust(2 * WINDOW_SAMPLES, b"\0"), b""
        return (np.frombuffer(last, dtype="<i2"),)


class AudioBuffer:
    """The part of the session's audio that may still be needed, addressed by session samples.

    start: the position of its first sample. end: the position after its last one, which is the session's
    clock.
    """

    def __init__(self) -> None:
        self.start = 0
        self.end = 0
        self._data = bytearray()

    def append(self, pcm: Pcm) -> None:
        """Adds samples at the end."""
        self._data += pcm.tobytes()
        self.end += len(pcm)

    def read(self, start: int, end: int) -> bytes:
        """The samples from `start` to `end` as s16le, without those that were dropped."""
        return bytes(self._data[2 * max(0, start - self.start) : 2 * max(0, end - self.start)])

    def drop_before(self, position: int) -> None:
        """Drops the samples before a position; all of them when it is past the end."""
        kept_from = min(position, self.end)
        if kept_from > self.start:
            del self._data[: 2 * (kept_from - self.start)]
            self.start = kept_from


class ArrivalClock:
    """Maps sample positions to arrival times, for at least the last 2048 messages.

    That is more than the longest utterance in messages of 20 ms. Times are monotonic seconds. It uses arrays
    because lists would keep thousands of small objects alive for each session.
    """

    KEPT = 2048

    def __init__(self) -> None:
        self._positions = array("q")
        self._times = array("d")

    def mark(self, position: int, now: float) -> None:
        """The samples before `position` have arrived at `now`."""
        self._positions.append(position)
        self._times.append(now)
        if len(self._times) == 2 * self.KEPT:
            del self._positions[: self.KEPT], self._times[: self.KEPT]

    def arrival_time(self, position: int) -> float | None:
        """When the sample before `position` arrived; None if it has not arrived yet. For a sample older than
        all records, the time of the oldest record."""
        index = bisect_left(self._positions, position)
        return self._times[index] if index < len(self._times) else None


class PaceLimit:
    """Limits audio to `burst_ms` ahead of real time. While no audio arrives, real time advances: audio that a
    stall of the network, the client or this process delayed may arrive at once. Audio that is ahead is
    forgiven slowly: the clock of a sound card may be fast, and clients repeat the beginning of a turn.

    Times are monotonic seconds. A session has one limit for all its connections and gateways.
    """

    def __init__(self, burst_ms: int) -> None:
        self._burst_ms = burst_ms
        self._ahead_ms = 0.0  # of real time; negative: behind it
        self._counted_at: float | None = None

    def begin(self, now: float) -> None:
        """Starts the clock; further calls change nothing."""
        if self._counted_at is None:
            self._counted_at = now

    def ahead_ms(self, now: float) -> float:
        """How far the audio is ahead of real time; negative when it is behind."""
        elapsed_s = 0.0 if self._counted_at is None else now - self._counted_at
        ahead_ms = self._ahead_ms - elapsed_s * 1000
        if ahead_ms > 0:
            return max(0.0, ahead_ms - _FORGIVEN * elapsed_s * 1000)
        return max(-LONGEST_CREDIT_MS, ahead_ms)

    def restore(self, ahead_ms: float, now: float) -> None:
        """Continues from the state of another limit."""
        self._ahead_ms, self._counted_at = max(-LONGEST_CREDIT_MS, ahead_ms), now

    def admit(self, audio_ms: float, now: float) -> None:
        """Counts `audio_ms` that arrived at `now`. Raises AudioTooFast when the audio is too far ahead."""
        self._ahead_ms, self._counted_at = self.ahead_ms(now) + audio_ms, now
        if self._ahead_ms > self._burst_ms:
            raise AudioTooFast(f"audio is more than {self._burst_ms} ms ahead of real time")
