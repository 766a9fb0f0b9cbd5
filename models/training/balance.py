"""Sentences in which all words of the domain are equally likely, however rare they are in the patterns.

Half of the words are followed by one that follows them in a trained sentence (`models/training/chains.py`),
so that not every pair is new. Held-out patterns are not used.
"""

import random
from functools import cache
from itertools import chain

from models.training import text
from models.training.chains import links

_SHORTEST_WORDS, _LONGEST_WORDS = 4, 11
_FOLLOWED = 0.5


@cache
def _forms() -> list[list[str]]:
    """The forms of each word in trained sentences, with capitals and punctuation."""
    forms: dict[str, list[str]] = {}
    for word in sorted({*links(), *chain.from_iterable(links().values())}):
        if plain := word.lower().strip(",.?"):
            forms.setdefault(plain, []).append(word)
    return list(forms.values())


def balanced(rng: random.Random) -> text.Sentence:
    """One random balanced sentence."""
    words: list[str] = []
    wanted = rng.randint(_SHORTEST_WORDS, _LONGEST_WORDS)
    while len(words) < wanted:
        words.append(rng.choice(rng.choice(_forms())))
        if words[-1] in links() and rng.random() < _FOLLOWED:
            words.append(rng.choice(links()[words[-1]]))
    return text.Sentence(text.tidy(" ".join(words).rstrip(",.?") + rng.choice(".?")), "balanced")
