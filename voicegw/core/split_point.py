"""Where an utterance that is too long is split: between two words, where the audio is quietest."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import WINDOW_SAMPLES, Pcm, to_samples
from voicegw.core.jobs import Word

SEARCHED_MS = 3000  # the end of the utterance in which the split point is searched
_NEAR = to_samples(120)  # possible error of word times
_AROUND = np.ones(3)  # a window and its two neighbours


def quietest_gap(words: Sequence[Word], audio: Pcm, start: int) -> int:
    """The session sample at which to split. `audio` begins at the session sample `start` and has at least one
    window. words: the known words in it; without any, the quietest window of all is chosen."""
    windows = audio.reshape(-1, WINDOW_SAMPLES).astype(np.float64)
    powers = _smoothed((windows**2).mean(axis=1))
    middles = start + (np.arange(len(windows)) + 0.5) * WINDOW_SAMPLES
    gaps = [(before.end + after.start) / 2 for before, after in pairwise(words)]
    near = np.array([any(abs(middle - gap) <= _NEAR for gap in gaps) for middle in middles])
    if near.any():
        powers[~near] = np.inf
    return start + int(powers.argmin()) * WINDOW_SAMPLES


def _smoothed(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value as the mean of itself and its neighbours."""
    sums, counts = (np.convolve(each, _AROUND)[1:-1] for each in (powers, np.ones_like(powers)))
    return sums / counts
