"""Converts audio to 16 kHz from rates that the core does not support, such as 44.1 kHz."""

import numpy as np
import soxr

from voicegw.core.audio import SAMPLE_RATE
from voicegw.errors import OddByteCount


class RateConverter:
    """One stream of mono s16le. It delays the audio, and so the words, by some ms."""

    def __init__(self, rate: int) -> None:
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16")

    def convert(self, pcm: bytes) -> bytes:
        """The audio that `pcm` completes; possibly none. Raises OddByteCount."""
        if not pcm or len(pcm) % 2:
            raise OddByteCount
        return self._converted(pcm, last=False)

    def finish(self) -> bytes:
        """The rest."""
        return self._converted(b"", last=True)

    def _converted(self, pcm: bytes, *, last: bool) -> bytes:
        samples = self._stream.resample_chunk(np.frombuffer(pcm, dtype="<i2"), last=last)
        return bytes(samples.astype("<i2").tobytes())
