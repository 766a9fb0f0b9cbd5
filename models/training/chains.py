"""Sentences chained word by word: each word has followed the one before it in a trained sentence.

They make little sense, so the network cannot predict them from context and must use the audio. All types of
sentences contribute equally, and every possible next word has the same probability, so names, dates and rare
words are frequent. Held-out patterns are not used.
"""

import random
from collections.abc import Sequence
from functools import cache

from models.training import text

_LINKED = 24000  # sentences from which the links are learned
_SHORTEST_WORDS, _LONGEST_WORDS = 5, 14
_BEGIN = ""

Links = dict[str, Sequence[str]]


@cache
def links() -> Links:
    """For each word, punctuation included, the words that follow it; those of `_BEGIN` start a sentence."""
    rng = random.Random("links")
    following: dict[str, set[str]] = {}
    for index in range(_LINKED):
        kind = list(text.TYPES)[index % len(text.TYPES)]
        words = text.sentence(rng, kind=kind).text.split()
        for word, after in zip([_BEGIN, *words], words, strict=False):
            following.setdefault(word, set()).add(after)
    return {word: sorted(after) for word, after in following.items()}


def chained(rng: random.Random) -> text.Sentence:
    """One random chained sentence; it ends where a trained one ends."""
    while True:
        words = [rng.choice(links()[_BEGIN])]
        while len(words) < _LONGEST_WORDS and words[-1] in links():
            words.append(rng.choice(links()[words[-1]]))
        if len(words) >= _SHORTEST_WORDS and words[-1].endswith((".", "?")):
            return text.Sentence(" ".join(words), "chained")
