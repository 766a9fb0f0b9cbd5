"""Sentences shuffled out of trained ones: pieces of one to three words, in any order.

Unlike chained sentences (`models/training/chains.py`), they hold pairs of words that no trained sentence has.
Held-out patterns are not used.
"""

import random

from models.training import text

_SOURCES = 3  # sentences of which the pieces are taken
_LONGEST_PIECE_WORDS = 3
_SHORTEST_WORDS, _LONGEST_WORDS = 4, 13


def shuffled(rng: random.Random) -> text.Sentence:
    """One random shuffled sentence; pieces keep their case, and the last one gets an end mark."""
    pieces: list[list[str]] = []
    for _ in range(_SOURCES):
        words = text.sentence(rng, kind=rng.choice(list(text.TYPES))).text.split()
        while words:
            size = rng.randint(1, _LONGEST_PIECE_WORDS)
            pieces.append(words[:size])
            words = words[size:]
    rng.shuffle(pieces)
    wanted = rng.randint(_SHORTEST_WORDS, _LONGEST_WORDS)
    chosen = [word for piece in pieces for word in piece][:wanted]
    return text.Sentence(text.tidy(" ".join(chosen).rstrip(",.?") + rng.choice(".?")), "shuffled")
