"""Streaming sample-rate conversion with no backlog.

A polyphase FIR interpolator/decimator (Crochiere and Rabiner, Multirate Digital Signal Processing, 1983)
with a Kaiser-windowed sinc of 96 taps. Block resamplers such as soxr answer in bursts and hold back tens of
milliseconds of a stream, which would stand in every latency of a telephone call; this one answers every
sample at once, delayed by its filter's 1 to 3 ms, and its output count is an exact function of its input
count.
"""

from math import gcd

import msgspec
import numpy as np
from numpy.typing import NDArray

_TAPS = 96
_KAISER_BETA = 8.0  # about 80 dB of stop band
_CUTOFF = 0.92  # of the lower Nyquist frequency: leaves room for the filter's slope


class ResamplerState(msgspec.Struct, array_like=True):
    """Where a resampler is: its filter's memory (s16le) and the samples in and out."""

    tail: bytes
    taken: int
    given: int


class Resampler:
    """Converts one mono int16 stream from one rate to another, piece by piece."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        common = gcd(rate_in, rate_out)
        self._up, self._down = rate_out // common, rate_in // common
        self._phases = _phases(self._up, self._down)
        self._tail = np.zeros(self._phases.shape[1] - 1, dtype=np.float32)
        self._taken = 0
        self._given = 0

    def snapshot(self) -> ResamplerState:
        """All it knows."""
        return ResamplerState(self._tail.astype("<i2").tobytes(), self._taken, self._given)

    def restore(self, state: ResamplerState) -> None:
        """Goes on where another resampler was."""
        self._tail = np.frombuffer(state.tail, dtype="<i2").astype(np.float32)
        self._taken, self._given = state.taken, state.given

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """The output samples that `pcm` completes; pieces may have any length."""
        held = np.concatenate([self._tail, pcm.astype(np.float32)])
        total = -(-(self._taken + len(pcm)) * self._up // self._down)
        out = np.empty(total - self._given, dtype=np.float32)
        if len(out):
            windows = _windows(held, self._phases.shape[1])
            for lane in range(min(self._up, len(out))):
                at = (self._given + lane) * self._down  # on the grid of the upsampled signal
                newest, phase = divmod(at, self._up)
                out[lane :: self._up] = windows[newest - self._taken :: self._down] @ self._phases[phase]
        self._tail = held[len(pcm) :]
        self._taken += len(pcm)
        self._given = total
        return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


def _windows(held: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Every stretch of `size` samples, without a copy: numpy's `sliding_window_view`, which takes 8 us."""
    [step] = held.strides
    return np.ndarray((len(held) - size + 1, size), held.dtype, held, strides=(step, step))


def _phases(up: int, down: int) -> NDArray[np.float32]:
    """The prototype low-pass split into `up` filters, each reversed for a plain dot product."""
    cutoff = _CUTOFF / max(up, down)
    time = np.arange(_TAPS) - (_TAPS - 1) / 2
    prototype = up * cutoff * np.sinc(cutoff * time) * np.kaiser(_TAPS, _KAISER_BETA)
    return np.stack([prototype[phase::up][::-1] for phase in range(up)]).astype(np.float32)
