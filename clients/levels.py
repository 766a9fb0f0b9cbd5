"""The level of audio, and taps that see the frames of a source."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import numpy as np

FLOOR_DB = -60.0  # of full scale; below that the level is 0


def level_of(frame: bytes) -> float:
    """The level of s16le samples from 0, at -60 dB of full scale, to 1, at full scale."""
    samples = np.frombuffer(frame, dtype="<i2").astype(np.float64) / 32768
    power = float(np.mean(samples**2)) if len(samples) else 0.0
    level_db = 10 * math.log10(power + 1e-10)
    return min(1.0, max(0.0, 1 - level_db / FLOOR_DB))


async def tapped(
    source: AsyncIterator[tuple[float, bytes]], *taps: Callable[[bytes], None]
) -> AsyncGenerator[tuple[float, bytes], None]:
    """The source; each frame is also given to the taps."""
    async for due, frame in source:
        for tap in taps:
            tap(frame)
        yield due, frame
