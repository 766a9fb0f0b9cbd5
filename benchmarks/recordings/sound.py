"""The level of a recording, and where in a stretch of it a word is heard."""

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import SAMPLE_RATE

FRAME_MS = 10
SMOOTHED_FRAMES = 3  # over which power is averaged, so that a crackle is no speech
BELOW_PEAK_DB = 25.0  # of a word: a fricative at its end may be so much quieter than its vowel
ABOVE_FLOOR_DB = 12.0  # breath and rustle are below it
FLOOR_PERCENTILE, FLOOR_MS = 10, 3000  # what is always there is judged by so much before and behind
CLOSURE_MS = 150  # silence within a word, of a stop consonant
PLAIN_MS = 400  # a word that is no longer has no pause in it

Levels = NDArray[np.float64]


def levels_db(audio: NDArray[np.float32]) -> Levels:
    """Decibels of each frame of audio at 16 kHz."""
    size = SAMPLE_RATE * FRAME_MS // 1000
    padded = np.pad(audio.astype(np.float64), (0, -len(audio) % size))
    power = np.mean(padded.reshape(-1, size) ** 2, axis=1)
    smooth = np.convolve(power, np.full(SMOOTHED_FRAMES, 1 / SMOOTHED_FRAMES), mode="same")
    return np.asarray(10 * np.log10(smooth + 1e-10))


def sounding(levels: Levels, start_ms: int, end_ms: int) -> tuple[int, int]:
    """Where a word is heard in a stretch: the loudest part that nothing longer than a closure interrupts; all
    of it when it is short, or when nothing stands out. It is a frame long at least."""
    first = min(start_ms // FRAME_MS, len(levels) - 1)
    stretch = levels[first : max(first + 1, -(-end_ms // FRAME_MS))]
    around = levels[max(0, first - FLOOR_MS // FRAME_MS) : first + len(stretch) + FLOOR_MS // FRAME_MS]
    floor_db = float(np.percentile(around, FLOOR_PERCENTILE))
    threshold = max(float(stretch.max()) - BELOW_PEAK_DB, floor_db + ABOVE_FLOOR_DB)
    heard = np.flatnonzero(stretch >= threshold)
    if not len(heard) or end_ms - start_ms <= PLAIN_MS:
        return start_ms, max(end_ms, start_ms + FRAME_MS)
    breaks = np.flatnonzero(np.diff(heard) * FRAME_MS > CLOSURE_MS) + 1
    runs = np.split(heard, breaks)
    loudest = max(runs, key=lambda run: float(np.sum(10 ** (stretch[run] / 10))))
    return (
        max(start_ms, (first + int(loudest[0])) * FRAME_MS),
        max((first + int(loudest[-1]) + 1) * FRAME_MS, start_ms + FRAME_MS),
    )
