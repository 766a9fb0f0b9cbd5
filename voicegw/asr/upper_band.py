"""Gives audio from telephone lines, which ends at 4 kHz, an upper band for detectors of wide-band speech.

Silero finds speech at 16 kHz less likely without the sounds above 4 kHz. The spectrum is mirrored there, as a
converter without a filter would do: that is closer to speech than nothing.
"""

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import SAMPLE_RATE

_EDGE_HZ = 4500  # above the slope of filters at 4 kHz
_NARROW = 1e-5  # share of the power above the edge, up to which the band there is empty
_FRAME = 512  # samples of one spectrum; a single one of the whole audio would be slow for most lengths
_HANN = np.hanning(_FRAME).astype(np.float32)
_MIRRORED = np.float32(10 ** (-15 / 20))

Audio = NDArray[np.float32]


def with_upper_band(audio: Audio) -> Audio:
    """Audio at 16 kHz; where it is empty above 4 kHz, with its spectrum mirrored there, 15 dB lower."""
    if not _is_narrow(audio):
        return audio
    filled = audio * (1 - _MIRRORED)
    filled[::2] = audio[::2] * (1 + _MIRRORED)
    return filled


def _is_narrow(audio: Audio) -> bool:
    frames = audio[: len(audio) - len(audio) % _FRAME].reshape(-1, _FRAME)
    power = np.abs(np.fft.rfft(frames * _HANN)) ** 2
    return bool(power[:, _FRAME * _EDGE_HZ // SAMPLE_RATE :].sum() <= _NARROW * power.sum())
