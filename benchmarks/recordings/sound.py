"""The level of a recording, and the position of a word in a part of it."""

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import SAMPLE_RATE

FRAME_MS = 10
SMOOTHED_FRAMES = 3  # over which power is averaged, so that a click does not count as speech
BELOW_PEAK_DB = 25.0  # of a word: a fricative at its end may be so much quieter than its vowel
ABOVE_FLOOR_DB = 12.0  # breath and rustle are below it
FLOOR_PERCENTILE, FLOOR_MS = 10, 3000  # the noise floor is measured in this time before and after
CLOSURE_MS = 150  # silence within a word, of a stop consonant
PLAIN_MS = 400  # a shorter word has no pause in it

Levels = NDArray[np.float64]


def levels_db(audio: NDArray[np.float32]) -> Levels:
    """Decibels of each frame of audio at 16 kHz."""
    size = SAMPLE_RATE * FRAME_MS // 1000
    padded = np.pad(audio.astype(np.float64), (0, -len(audio) % size))
    power = np.mean(padded.reshape(-1, size) ** 2, axis=1)
    smooth = np.convolve(power, np.full(SMOOTHED_FRAMES, 1 / SMOOTHED_FRAMES), mode="same")
    return np.asarray(10 * np.log10(smooth + 1e-10))


def sounding(levels: Levels, start_ms: int, end_ms: int) -> tuple[int, int]:
    """The start and end of a word: the loudest run without a gap longer than a closure; the whole part if it
    is short, or if no run is loud enough. It is at least a frame long."""
    first = min(start_ms // FRAME_MS, len(levels) - 1)
    part = levels[first : max(first + 1, -(-end_ms // FRAME_MS))]
    around = levels[max(0, first - FLOOR_MS // FRAME_MS) : first + len(part) + FLOOR_MS // FRAME_MS]
    floor_db = float(np.percentile(around, FLOOR_PERCENTILE))
    threshold = max(float(part.max()) - BELOW_PEAK_DB, floor_db + ABOVE_FLOOR_DB)
    audible = np.flatnonzero(part >= threshold)
    if not len(audible) or end_ms - start_ms <= PLAIN_MS:
        return start_ms, max(end_ms, start_ms + FRAME_MS)
    breaks = np.flatnonzero(np.diff(audible) * FRAME_MS > CLOSURE_MS) + 1
    runs = np.split(audible, breaks)
    loudest = max(runs, key=lambda run: float(np.sum(10 ** (part[run] / 10))))
    return (
        max(start_ms, (first + int(loudest[0])) * FRAME_MS),
        max((first + int(loudest[-1]) + 1) * FRAME_MS, start_ms + FRAME_MS),
    )
