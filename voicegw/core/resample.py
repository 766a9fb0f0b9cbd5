"""Streaming sample-rate conversion without buffering.

A polyphase FIR interpolator/decimator (Crochiere and Rabiner, Multirate Digital Signal Processing, 1983) with
a Kaiser-windowed sinc of 96 taps. Block resamplers such as soxr buffer tens of milliseconds, which would add
to every latency of a telephone call. This one outputs every sample at once, delayed only by its filter's 1 to
3 ms, and the number of output samples is an exact function of the number of input samples.
"""

from math import gcd

import msgspec
import numpy as np
from numpy.typing import NDArray

_TAPS = 96
_KAISER_BETA = 8.0  # about 80 dB of stop band
_CUTOFF = 0.92  # of the lower Nyquist frequency: leaves room for the filter's slope
_LEAST, _GREATEST = np.float32(-32768), np.float32(32767)  # of 16-bit samples


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """16-bit samples: limited to their range, without fractions."""
    within = np.minimum(np.maximum(samples, _LEAST), _GREATEST)  # np.clip takes twice as long
    return within.astype(np.int16)


class ResamplerState(msgspec.Struct, array_like=True):
    """tail: the memory of the filter (s16le). taken, given: the numbers of input and output samples."""

    tail: bytes
    taken: int
    given: int


class Resampler:
    """Converts one mono int16 stream in pieces."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        common = gcd(rate_in, rate_out)
        self._up, self._down = rate_out // common, rate_in // common
        self._phases = _phases(self._up, self._down)
        self._tail = np.zeros(self._phases.shape[1] - 1, dtype=np.float32)
        self._taken = 0
        self._given = 0

    def snapshot(self) -> ResamplerState:
        """Its state."""
        return ResamplerState(self._tail.astype("<i2").tobytes(), self._taken, self._given)

    def restore(self, state: ResamplerState) -> None:
        """Continues from the state of another resampler of the same rates."""
        self._tail = np.frombuffer(state.tail, dtype="<i2").astype(np.float32)
        self._taken, self._given = state.taken, state.given

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """The output samples for `pcm`, of any length."""
        total = -(-(self._taken + len(pcm)) * self._up // self._down)
        count = total - self._given
        if np.count_nonzero(pcm) or np.count_nonzero(self._tail):
            out = self._filtered(pcm, count)
        else:  # a silent line, such as one of many calls that wait: nothing to compute
            out = np.zeros(count, dtype=np.int16)
        self._taken += len(pcm)
        self._given = total
        return out

    def _filtered(self, pcm: NDArray[np.int16], count: int) -> NDArray[np.int16]:
        """The next `count` output samples, from the memory and `pcm`."""
        held = np.concatenate([self._tail, pcm.astype(np.float32)])
        out = np.empty(count, dtype=np.float32)
        if count:
            windows = _windows(held, self._phases.shape[1])
            if self._down == 1:  # every sample gives one of each phase, as from a telephone's 8 kHz
                out[:] = (np.ascontiguousarray(windows) @ self._phases.T).ravel()
            else:
                self._decimate(windows, out)
        self._tail = held[len(pcm) :]
        return to_int16(np.rint(out))

    def _decimate(self, windows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Fills `out`, one phase after the other. Products with a copy of the windows take half the time."""
        for lane in range(min(self._up, len(out))):
            at = (self._given + lane) * self._down  # position in the upsampled signal
            newest, phase = divmod(at, self._up)
            chosen = windows[newest - self._taken :: self._down]
            out[lane :: self._up] = np.ascontiguousarray(chosen) @ self._phases[phase]


def _windows(held: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """All windows of `size` samples, without a copy, as numpy's `sliding_window_view` returns in 8 us."""
    [step] = held.strides
    return np.ndarray((len(held) - size + 1, size), held.dtype, held, strides=(step, step))


def _phases(up: int, down: int) -> NDArray[np.float32]:
    """The prototype low-pass filter split into `up` phases, each reversed for a dot product."""
    cutoff = _CUTOFF / max(up, down)
    time = np.arange(_TAPS) - (_TAPS - 1) / 2
    prototype = up * cutoff * np.sinc(cutoff * time) * np.kaiser(_TAPS, _KAISER_BETA)
    return np.stack([prototype[phase::up][::-1] for phase in range(up)]).astype(np.float32)
