"""The formulas of the streaming measures, pure: word errors, stability and word emission.

Words are compared by `clients.conversation.normalised`: lower case, no punctuation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jiwer
import numpy as np

from benchmarks.recording import Update
from clients.conversation import normalised


def percentile(values: Iterable[float], percent: float) -> float:
    """The percentile with linear interpolation; NaN of no values."""
    known = list(values)
    return float(np.percentile(known, percent)) if known else float("nan")


def spread(name: str, values: Iterable[float | None], percents: Iterable[int] = (50, 95)) -> dict[str, float]:
    """The percentiles of times in ms by name, such as NAME_p50_ms; None is no value."""
    known = [value for value in values if value is not None]
    return {f"{name}_p{percent}_ms": percentile(known, percent) for percent in percents}


# --- word errors -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WordErrors:
    """Counts that can be pooled: WER = (substitutions + deletions + insertions) / reference words."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    reference: int = 0

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.reference + other.reference,
        )

    @property
    def hits(self) -> int:
        """Reference words that were recognised."""
        return self.reference - self.substitutions - self.deletions

    @property
    def percent(self) -> float:
        """The word error rate."""
        wrong = self.substitutions + self.deletions + self.insertions
        return 100 * wrong / self.reference if self.reference else float("nan")


def word_errors(reference: Sequence[str], recognised: Sequence[str]) -> WordErrors:
    """The errors of a Levenshtein alignment of two word sequences; either may be empty."""
    aligned = _align(reference, recognised)
    return WordErrors(aligned.substitutions, aligned.deletions, aligned.insertions, len(reference))


def matches(reference: Sequence[str], recognised: Sequence[str]) -> list[tuple[int, int]]:
    """The positions of reference words in `recognised`: the equal pairs of a Levenshtein alignment."""
    return [
        (chunk.ref_start_idx + offset, chunk.hyp_start_idx + offset)
        for chunk in _align(reference, recognised).alignments[0]
        if chunk.type == "equal"
        for offset in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def _align(reference: Sequence[str], recognised: Sequence[str]) -> Any:
    return jiwer.process_words([" ".join(reference)], [" ".join(recognised)])


# --- stability -------------------------------------------------------------------------------------------


def unstable_words(updates: Sequence[Update]) -> int:
    """Words of each update that the next one changed or removed, by position, summed (Shangguan 2020)."""
    return sum(_changed(before.words, after.words) for before, after in pairwise(updates))


def replaced_words(updates: Sequence[Update]) -> int:
    """Words of each update that the next one replaced or removed, summed. Unlike in `unstable_words`, an
    inserted word does not count as a change of those after it."""
    errors = [word_errors(before.words, after.words) for before, after in pairwise(updates)]
    return sum(error.substitutions + error.deletions for error in errors)


def restyled_words(updates: Sequence[Update]) -> int:
    """Words whose case or punctuation alone was changed by the next update, summed."""
    return sum(
        max(0, _changed(before.text.split(), after.text.split()) - _changed(before.words, after.words))
        for before, after in pairwise(updates)
    )


def stable_retractions(updates: Sequence[Update]) -> int:
    """Words of `stable` that a later update took back. The contract is none: it begins with the same
    letters, and its words are the same, though the last one may have gained punctuation."""
    return sum(_retracted(before.stable, after.stable) for before, after in pairwise(updates))


def _retracted(before: str, after: str) -> int:
    if after.startswith(before):
        return _changed(normalised(before), normalised(after))
    return max(1, _changed(before.split(), after.split()))


def _changed(before: Sequence[str], after: Sequence[str]) -> int:
    kept = sum(old == new for old, new in zip(before, after, strict=False))
    return len(before) - kept


# --- word emission ---------------------------------------------------------------------------------------


def emission(updates: Sequence[Update], position: int) -> tuple[float, float]:
    """When the final's word at this position was there first, and since when it stayed there."""
    word = updates[-1].words[position]
    standing = [_word_at(update, position) == word for update in updates]
    first = standing.index(True)
    settled = len(standing) - standing[::-1].index(False) if False in standing else 0
    return updates[first].at_s, updates[settled].at_s


def _word_at(update: Update, position: int) -> str | None:
    words = update.words
    return words[position] if position < len(words) else None
