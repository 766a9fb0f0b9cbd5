"""Aligned pieces of text to words, written letter for letter as the model wrote them.

The model's tokenizer splits text at blanks and at punctuation: "1", ",", "0001"; "CK", "-", "CW". Only a
blank in front of a piece begins a new word; a piece without one belongs to the word before. Punctuation that
stands alone belongs to the word behind it: "A", "& B". In languages that are written without blanks every
character is a word that follows the one before directly.
"""

from collections.abc import Iterable, Sequence
from math import inf, log

import msgspec

from voicegw.core.jobs import Word

_DOUBTFUL = 0.5
_LEAST = 0.001  # probability


class Piece(msgspec.Struct, frozen=True):
    """A piece of text with its blanks, its times in samples, and its mean token probability."""

    text: str
    start: int
    end: int
    probability: float

    @property
    def speaks(self) -> bool:
        """Whether there is a letter or a digit in it, not only punctuation."""
        return any(character.isalnum() for character in self.text)


def words_of(pieces: Iterable[Piece], *, unspaced: bool) -> list[Word]:
    """The words that the pieces make up. unspaced: in a language that is written without blanks."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        begins = piece.text.startswith(" ") or (unspaced and piece.speaks)
        if groups and not (begins and any(each.speaks for each in groups[-1])):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [_word(group, unspaced) for group in groups if "".join(each.text for each in group).strip()]


def without_unheard(words: Sequence[Word]) -> Sequence[Word]:
    """The words without those at the end that the alignment finds no sound for: a decoder has completed a
    sentence that broke off. The first word is always kept."""
    heard = [index for index, word in enumerate(words) if word.end > word.start]
    return words[: max(heard, default=0) + 1]


def split_at(words: Sequence[Word], boundary: int) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """The words before a sample in a pause, and those after it. An alignment has no gaps: a word may end, and
    the next one begin, anywhere in the pause. So the middle of a word counts."""
    before = tuple(word for word in words if word.start + word.end < 2 * boundary)
    return before, tuple(words[len(before) :])


def is_doubtful(words: Sequence[Word]) -> bool:
    """Whether one of the words is improbable."""
    return any(word.probability < _DOUBTFUL for word in words)


def mean_log_probability(words: Sequence[Word]) -> float:
    """The mean over the words; minus infinity if there are none."""
    if not words:
        return -inf
    return sum(log(max(word.probability, _LEAST)) for word in words) / len(words)


def _word(group: Sequence[Piece], unspaced: bool) -> Word:
    """One word. Punctuation has no sound, so the times and the probability are those of what is spoken."""
    written = "".join(piece.text for piece in group)
    spoken = [piece for piece in group if piece.speaks] or list(group)
    probability = sum(piece.probability for piece in spoken) / len(spoken)
    joined = unspaced and not written.startswith(" ")
    return Word(written.strip(), spoken[0].start, spoken[-1].end, probability, joined)
