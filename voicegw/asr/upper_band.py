"""Gives audio from telephone lines, which ends at 4 kHz, an upper band for detectors of wide-band speech.

Silero finds speech at 16 kHz less likely without the sounds above 4 kHz. The spectrum is mirrored there, as a
converter without a filter would do: that is closer to speech than nothing.
"""

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import SAMPLE_RATE

_EDGE_HZ = 4500  # above the slope of filters at 4 kHz
_NARROW = 1e-5  # share of the power above the edge, up to which the band there is empty
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
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2 if len(audio) else np.zeros(1)
    edge = len(audio) * _EDGE_HZ // SAMPLE_RATE
    return bool(power[edge:].sum() <= _NARROW * power.sum())
