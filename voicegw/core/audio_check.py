"""Checks by its samples whether audio has the declared encoding and sample rate.

Neighbouring samples of speech are similar. If the bytes are decoded in a wrong encoding, they are not. Audio
that is rough in every encoding is noise and shows nothing. A wrong sample rate cannot be found in the
samples, but a microphone produces one second of audio per second.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voicegw.core import g711
from voicegw.core.audio import AudioFormat

_PIECE_BYTES = 8000  # 250 ms of s16le at 16 kHz, 1 s of G.711
_MAX_PIECES = 100  # that are not silence, until the check ends without a result
_ENOUGH_IF_OTHER = 2  # pieces in the same other encoding
_ENOUGH_IF_DECLARED = 6
_UNKNOWN = ""
_SILENCE = 100.0  # mean amplitude, of 32768, below which a piece is silence
_SMOOTH = 0.4  # roughness of speech at most; that of white noise is 1
_SMOOTHER = 0.6  # greatest ratio of the roughness in another encoding to that in the declared one
_PAIRED = 0.2  # with two channels, greatest ratio of the difference within pairs to that between them
_PLAUSIBLE_SHARE = 0.99
_AMPLITUDES = 1e-6, 1.5  # of floating-point speech
_MEASURED_S = 2.0  # of steady sending, twice in a row
_STEADY_S = 0.2  # longest gap between messages of a steady sender
_SAME_PACE = 0.03
_RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)

Samples = NDArray[np.float64]


class AudioCheck:
    """Checks the audio of one client. reported: it was found to be different; the check is over."""

    def __init__(self, audio_format: AudioFormat, rate: int) -> None:
        self.reported = False
        self._declared = f"it was declared as {audio_format.value}, mono, {rate} Hz"
        self._format_check = EncodingCheck(audio_format)
        self._rate_check = SampleRateCheck(rate)

    def receive(self, data: bytes, length_s: float, now: float) -> str | None:
        """A message for the client when the audio is not as declared, once; otherwise None."""
        if self.reported:
            return None
        form, rate = self._format_check.receive(data), self._rate_check.receive(length_s, now)
        self.reported = form is not None or rate is not None
        if form is not None:
            return f"the audio looks like {form}; {self._declared}"
        return f"the audio comes as fast as at {rate} Hz; {self._declared}" if self.reported else None


class EncodingCheck:
    """Finds the encoding of a client's bytes."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._piece = bytearray()
        self._left = _MAX_PIECES
        self._found: Counter[str] = Counter()

    def receive(self, data: bytes) -> str | None:
        """The encoding of the audio, once, if it is certainly not the declared one; otherwise None."""
        if not self._left:
            return None
        self._piece += data
        if len(self._piece) < _PIECE_BYTES:
            return None
        piece, self._piece = bytes(self._piece[:_PIECE_BYTES]), bytearray()
        if _is_silence(piece, self._format):
            return None
        guess = _guess(piece, self._format)
        self._found[guess] += 1
        is_declared = guess == self._format.value
        enough = _ENOUGH_IF_DECLARED if is_declared else _ENOUGH_IF_OTHER
        is_sure = guess != _UNKNOWN and self._found[guess] == enough
        self._left = 0 if is_sure else self._left - 1
        return guess if is_sure and not is_declared else None


class SampleRateCheck:
    """Compares the rate at which a steady sender sends with the declared sample rate."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._begun = self._last = float("-inf")
        self._audio_s = 0.0
        self._found: int | None = None

    def receive(self, length_s: float, now: float) -> int | None:
        """The sample rate in Hz, if it is certainly not the declared one; otherwise None."""
        if now - self._last > max(_STEADY_S, 2 * length_s):
            self._begin(now)
            self._found = None
        else:
            self._audio_s += length_s
        self._last = now
        return self._judge(now) if now - self._begun >= _MEASURED_S else None

    def _begin(self, now: float) -> None:
        self._begun, self._audio_s = now, 0.0

    def _judge(self, now: float) -> int | None:
        pace = self._rate * self._audio_s / (now - self._begun)
        self._begin(now)
        near = (rate for rate in _RATES if abs(pace / rate - 1) < _SAME_PACE)
        before, self._found = self._found, next(near, None)
        is_sure = self._found == before and self._found != self._rate
        return self._found if is_sure else None


def _guess(data: bytes, declared: AudioFormat) -> str:
    """The encoding in which the piece is speech; _UNKNOWN if there is none."""
    samples = _read_as(declared)(data)
    if declared is AudioFormat.PCM and _is_floating_point(data):
        return "32-bit floating point"
    if declared is AudioFormat.PCM and _is_stereo(samples):
        return "two channels"
    others = {name: read(data) for name, read in _READINGS.items() if name != declared.value}
    smoothest = min(others, key=lambda name: _roughness(others[name]))
    if _is_smooth(others[smoothest]) and _roughness(others[smoothest]) < _SMOOTHER * _roughness(samples):
        return smoothest
    return declared.value if _is_smooth(samples) else _UNKNOWN


def _read_as(audio_format: AudioFormat) -> Callable[[bytes], Samples]:
    return _READINGS[audio_format.value]


def _is_silence(data: bytes, declared: AudioFormat) -> bool:
    """Whether the piece is silence in any encoding; each encodes silence in other bytes."""
    readings = (_read_as(declared), *_READINGS.values())
    return any(np.abs(read(data)).mean() < _SILENCE for read in readings)


def _is_smooth(samples: Samples) -> bool:
    return _roughness(samples) < _SMOOTH


def _roughness(samples: Samples) -> float:
    """0 for a constant, 1 for white noise."""
    power = float(np.var(samples))
    return float(np.mean(np.diff(samples) ** 2)) / (2 * power) if power else 1.0


def _is_stereo(samples: Samples) -> bool:
    """Whether samples are in pairs: two channels of one voice, or every second sample silent."""
    first, second = samples[0::2], samples[1::2]
    within = float(np.mean((first - second) ** 2))
    between = float(np.mean((second[:-1] - first[1:]) ** 2))
    quieter, louder = sorted((float(np.var(first)), float(np.var(second))))
    return within < _PAIRED * between or quieter < _PAIRED**2 * louder


def _is_floating_point(data: bytes) -> bool:
    with np.errstate(invalid="ignore"):
        size = np.abs(np.frombuffer(data, dtype="<f4"))
        softest, loudest = _AMPLITUDES
        plausible = (size == 0) | ((size > softest) & (size < loudest))
        return bool(plausible.mean() >= _PLAUSIBLE_SHARE and (size > softest).mean() > 1 / 2)


_READINGS: dict[str, Callable[[bytes], Samples]] = {
    AudioFormat.PCM.value: lambda data: np.frombuffer(data, dtype="<i2").astype(np.float64),
    "pcm_s16be": lambda data: np.frombuffer(data, dtype=">i2").astype(np.float64),
    AudioFormat.MULAW.value: lambda data: g711.decode_mulaw(data).astype(np.float64),
    AudioFormat.ALAW.value: lambda data: g711.decode_alaw(data).astype(np.float64),
}
