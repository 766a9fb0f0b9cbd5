"""Where an utterance that is too long is cut: between two words, where it is quietest."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from voicegw.core.audio import WINDOW_SAMPLES, Pcm, to_samples
from voicegw.core.jobs import Word

LATEST_MS = 3000  # of an utterance; the cut is somewhere there
_NEAR = to_samples(120)  # how far the times of words may be wrong
_SMOOTHED_WINDOWS = 3


def quietest_gap(words: Sequence[Word], audio: Pcm, start: int) -> int:
    """The best place for a cut in `audio`, which begins at the session sample `start`; its end when it is
    shorter than a window. words: what is known to be said there; without any, the quietest place of all."""
    count = len(audio) // WINDOW_SAMPLES
    if not count:
        return start + len(audio)
    windows = audio[: count * WINDOW_SAMPLES].reshape(count, WINDOW_SAMPLES).astype(np.float64)
    powers = np.convolve((windows**2).mean(axis=1), np.ones(_SMOOTHED_WINDOWS), "same")
    middles = start + (np.arange(count) + 0.5) * WINDOW_SAMPLES
    gaps = [(before.end + after.start) / 2 for before, after in pairwise(words)]
    near = np.array([any(abs(middle - gap) <= _NEAR for gap in gaps) for middle in middles])
    if near.any():
        powers[~near] = np.inf
    return start + int(powers.argmin()) * WINDOW_SAMPLES
