"""Whether what was heard over a spoken reply is that reply itself, out of the client's loudspeaker.

Clients should cancel echo, and those on a telephone line or a simple loudspeaker do not. Sound cannot tell a
soft echo from a soft voice, but words can: an echo says what is being said. Single words that are heard
wrong are allowed for, so that of three words one may differ, of six two.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_WRONG_WORDS = 1 / 3  # of an echo, at most
_ALIKE = 0.7  # letters of a word that was heard wrong or cut off
_LONGEST_ANSWER_WORDS = 2


def is_echo(heard: str, said: str) -> bool:
    """Whether `heard` is a piece of what has just been `said`."""
    words = _words(heard)
    return bool(words) and _errors(words, _words(said)) <= int(_WRONG_WORDS * len(words))


def may_be_answer(heard: str) -> bool:
    """Whether an echo is so short that it may be an answer in the words of the question."""
    return len(_words(heard)) <= _LONGEST_ANSWER_WORDS


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold().replace("’", "'"))


def _errors(heard: Sequence[str], said: Sequence[str]) -> int:
    """The edit distance of `heard` to the piece of `said` that is most like it (Sellers 1980)."""
    row = [0] * (len(said) + 1)
    for count, word in enumerate(heard, start=1):
        above, row = row, [count]
        for index, other in enumerate(said, start=1):
            wrong = not _are_alike(word, other)
            row.append(min(above[index - 1] + wrong, above[index] + 1, row[index - 1] + 1))
    return min(row)


def _are_alike(word: str, other: str) -> bool:
    return word == other or SequenceMatcher(None, word, other).ratio() >= _ALIKE
