"""Whether what was heard over a spoken reply is that reply itself, out of the client's loudspeaker.

Clients should cancel echo, and those on a telephone line or a simple loudspeaker do not. Sound cannot tell a
soft echo from a soft voice, but words can: an echo says what is being said. Single words that are heard
wrong are allowed for, so that of three words one may differ, of six two.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from voicegw.core.barge_in import words_of
from voicegw.core.languages import UNSPACED

_WRONG_WORDS = 1 / 3  # of an echo, at most
_ALIKE = 0.7  # letters of a word that was heard wrong or cut off
_SHORT = 4  # letters of a word that is another one if a letter differs, such as "no" and "now"
_LETTERS = 16  # of a word that are compared
_HEARD_WORDS = 20  # that are compared
_BEHIND = 20  # words by which an echo may be behind what is said, beside as many as it has
_WORD_CHARACTERS = 3  # that are a word where there are no blanks
_LONGEST_ANSWER = 2 * _WORD_CHARACTERS
_unspaced = re.compile(f"[{UNSPACED}]")


def is_echo(heard: str, said: str) -> bool:
    """Whether the last words of `heard` are a piece of what has just been `said`: of its last words, so that
    it takes no longer to find out over a long reply."""
    words = words_of(heard)[-_HEARD_WORDS:]
    latest = words_of(said)[-(2 * len(words) + _BEHIND) :]
    return bool(words) and _errors(words, latest) <= int(_WRONG_WORDS * len(words))


def is_all_of(heard: str, said: str) -> bool:
    """Whether `heard` is an echo of the whole."""
    return is_echo(heard, said) and len(words_of(heard)) >= len(words_of(said))


def may_be_answer(heard: str) -> bool:
    """Whether an echo is so short that it may be an answer in the words of the question."""
    words = words_of(heard)
    return sum(1 if _unspaced.match(word) else _WORD_CHARACTERS for word in words) <= _LONGEST_ANSWER


def _errors(heard: Sequence[str], said: Sequence[str]) -> int:
    """The edit distance of `heard` to the piece of `said` that is most like it (Sellers 1980)."""
    row = [0] * (len(said) + 1)
    for count, word in enumerate(heard, start=1):
        above, row = row, [count]
        for index, other in enumerate(said, start=1):
            wrong = not (word == other or _are_alike(word[:_LETTERS], other[:_LETTERS]))
            row.append(min(above[index - 1] + wrong, above[index] + 1, row[index - 1] + 1))
    return min(row)


@lru_cache(maxsize=4096)
def _are_alike(word: str, other: str) -> bool:
    """Whether two words are one that was heard wrong or cut off."""
    shorter, longer = sorted((len(word), len(other)))
    if shorter <= _SHORT or 2 * shorter < _ALIKE * (shorter + longer):
        return False
    matcher = SequenceMatcher(None, word, other)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE  # the first one costs little
