"""Where an utterance that is too long is cut: between two words, where it is quietest."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import WINDOW_SAMPLES, Pcm, to_samples
from voicegw.core.jobs import Word

LATEST_MS = 3000  # of an utterance; the cut is somewhere there
_NEAR = to_samples(120)  # how far the times of words may be wrong
_AROUND = np.ones(3)  # a window and its neighbours


def quietest_gap(words: Sequence[Word], audio: Pcm, start: int) -> int:
    """The best place for a cut in `audio`, which begins at the session sample `start` and is one window or
    more. words: what is known to be said there; without any, the quietest place of all."""
    windows = audio.reshape(-1, WINDOW_SAMPLES).astype(np.float64)
    powers = _smoothed((windows**2).mean(axis=1))
    middles = start + (np.arange(len(windows)) + 0.5) * WINDOW_SAMPLES
    gaps = [(before.end + after.start) / 2 for before, after in pairwise(words)]
    near = np.array([any(abs(middle - gap) <= _NEAR for gap in gaps) for middle in middles])
    if near.any():
        powers[~near] = np.inf
    return start + int(powers.argmin()) * WINDOW_SAMPLES


def _smoothed(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each one as the mean of those around it, of which the first and the last have fewer."""
    sums, counts = (np.convolve(each, _AROUND)[1:-1] for each in (powers, np.ones_like(powers)))
    return sums / counts
