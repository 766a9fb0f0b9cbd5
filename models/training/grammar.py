"""Expands sentence patterns into sentences: the engine behind `models.training.text`.

A pattern is plain text with two constructs, which may nest:

* ``[please |kindly |]``: one of the alternatives;
* ``{name}`` or ``{name:argument}``: a slot, filled from a list of the lexicon or by a number function.

``Set [a|the] timer for {duration}.`` gives, for instance, "Set a timer for ten minutes."
"""

import random
import re
from collections.abc import Mapping, Sequence

from models.training import numerals

_INNERMOST = re.compile(r"\[([^\[\]]*)\]|\{([^{}\[\]]*)\}")


def expand(pattern: str, lexicon: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """One random sentence of the pattern."""

    def replace(match: re.Match[str]) -> str:
        alternatives: str = match[1]
        slot: str | None = match[2]
        if slot is None:
            return rng.choice(alternatives.split("|"))
        name, _, argument = slot.partition(":")
        if name in lexicon:
            return rng.choice(lexicon[name])
        return numerals.SLOTS[name](rng, argument)

    while _INNERMOST.search(pattern):
        pattern = _INNERMOST.sub(replace, pattern, count=1)
    return pattern


def vocabulary(patterns: Sequence[str], lexicon: Mapping[str, Sequence[str]]) -> set[str]:
    """Every word that the patterns can produce, lower case and without punctuation.

    Slots of numbers are left out: all patterns draw them from the same few words.
    """
    words: set[str] = set()
    seen: set[str] = set()
    queue = list(patterns)
    while queue:
        text = queue.pop()
        for slot in re.findall(r"\{([^{}:]*)[^{}]*\}", text):
            if slot in lexicon and slot not in seen:
                seen.add(slot)
                queue.extend(lexicon[slot])
        plain = re.sub(r"\{[^{}]*\}|[\[\]|]", " ", text)
        words.update(re.findall(r"[a-z']+", plain.lower()))
    return words
