"""Echo detection: whether speech over a spoken reply is the reply itself, from the client's loudspeaker.

Clients should cancel echo, but telephone lines and simple loudspeakers do not. The audio does not distinguish
a quiet echo from a quiet voice, but the words do: an echo consists of the words of the reply. Recognition
errors are tolerated: one of three words may differ, two of six.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from voicegw.core.barge_in import words_of
from voicegw.core.languages import UNSPACED

_WRONG_WORDS = 1 / 3  # greatest share of wrong words in an echo
_ALIKE = 0.7  # least share of equal letters in a word that was misrecognised or cut off
_SHORT = 4  # letters of words that must be equal, such as "no" and "now"
_LETTERS = 16  # of a word that are compared
_HEARD_WORDS = 20  # that are compared
_BEHIND = 20  # words by which an echo may be late, in addition to twice its own length
_WORD_CHARACTERS = 3  # counted as one word in scripts without blanks
_LONGEST_ANSWER = 2 * _WORD_CHARACTERS
_unspaced = re.compile(f"[{UNSPACED}]")


def is_echo(heard: str, spoken: str) -> bool:
    """Whether the last words of `heard` are a part of the last words of `spoken`. Only the last words are
    compared, so that the time does not grow with the reply."""
    words = words_of(heard)[-_HEARD_WORDS:]
    latest = words_of(spoken)[-(2 * len(words) + _BEHIND) :]
    return bool(words) and _errors(words, latest) <= int(_WRONG_WORDS * len(words))


def is_all_of(heard: str, spoken: str) -> bool:
    """Whether `heard` is an echo of all of `spoken`."""
    return is_echo(heard, spoken) and len(words_of(heard)) >= len(words_of(spoken))


def may_be_answer(heard: str) -> bool:
    """Whether an echo is short enough to be an answer that repeats words of the question."""
    words = words_of(heard)
    return sum(1 if _unspaced.match(word) else _WORD_CHARACTERS for word in words) <= _LONGEST_ANSWER


def _errors(heard: Sequence[str], spoken: Sequence[str]) -> int:
    """The edit distance from `heard` to the most similar part of `spoken` (Sellers 1980)."""
    row = [0] * (len(spoken) + 1)
    for count, word in enumerate(heard, start=1):
        above, row = row, [count]
        for index, other in enumerate(spoken, start=1):
            wrong = not (word == other or _are_alike(word[:_LETTERS], other[:_LETTERS]))
            row.append(min(above[index - 1] + wrong, above[index] + 1, row[index - 1] + 1))
    return min(row)


@lru_cache(maxsize=4096)
def _are_alike(word: str, other: str) -> bool:
    """Whether one word is the other, misrecognised or cut off."""
    shorter, longer = sorted((len(word), len(other)))
    if shorter <= _SHORT or 2 * shorter < _ALIKE * (shorter + longer):
        return False
    matcher = SequenceMatcher(None, word, other)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE  # quick_ratio is the cheap one
