"""Does it sound finished? Judges a provisional transcript by its last words and its punctuation.

Punctuation works in any language the recogniser punctuates. The word lists are English: a conjunction, an
article, a preposition or a filler at the end means that more is coming, whatever the recogniser put behind
it, because recognisers end every window with a full stop. Digits that are read out one by one come in
groups with pauses between them, so a string of them is never taken for finished.
"""

import re
from enum import Enum
from itertools import takewhile


class Completeness(Enum):
    """How finished a transcript sounds."""

    FINISHED = "finished"
    OPEN = "open"  # nothing speaks for either
    UNFINISHED = "unfinished"


_STRANDED = (  # may end a question, as in "Where are you from?"
    "of|from|to|with|at|for|by|into|onto|between|among|during|without|against|towards|via|per|as|like"
    "|when|which|whose"
)
_DANGLING = (
    "and|or|but|because|nor|if|although|unless|until|whether|than|a|an|the|my|your|our|their|every"
    "|i|we|they|he|she|i'm|we're|they're|you're|i'll|we'll|i've|we've|i'd|it's|that's|there's|what's|let's"
    "|um|uh|er|erm|hmm|mm|you know|i mean|let me see|let me think|kind of|sort of|such as|going to"
    "|i'd like|i would like|i want|i need|my name is|number is|can you|could you|would you|how about"
)
_COMMANDS = (
    "yes|no|yes please|no thanks|no thank you|thanks|thank you|okay|ok|stop|cancel|continue|go on|next"
    "|repeat|help|never mind|that's all|that's it|correct|right|sure|hello|hi|bye|goodbye"
)
_DIGIT = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple"
_WHOLE_NUMBERS = frozenset({7, 10, 11, 16})  # digits of telephone and card numbers

_word = re.compile(r"\d+(?:[.,:/]\d+)+|[^\W_]+(?:'[^\W_]+)*")
_ends_open = re.compile(rf"(?:^| )(?:{_STRANDED}|{_DANGLING})$")
_ends_stranded = re.compile(rf"(?:^| )(?:{_STRANDED})$")
_is_command = re.compile(_COMMANDS)
_digit = re.compile(rf"{_DIGIT}|\d+")
_full_stop = re.compile(r"[.?!。？！]$")
_comma = re.compile(r"([,;:–—、，；：…-]|\.\.)$")


def judge(text: str) -> Completeness:
    """How finished the text sounds; OPEN for none."""
    shown = text.replace("’", "'").rstrip("'\"”) ")
    words: list[str] = _word.findall(shown.casefold())
    plain = " ".join(words)
    stranded = shown.endswith(("?", "？")) and _ends_stranded.search(plain)
    if _comma.search(shown) or (_ends_open.search(plain) and not stranded) or _reads_out_digits(words):
        return Completeness.UNFINISHED
    if words and (_full_stop.search(shown) or _is_command.fullmatch(plain)):
        return Completeness.FINISHED
    return Completeness.OPEN


def _reads_out_digits(words: list[str]) -> bool:
    """Whether the text ends in a string of digits that is not as long as a whole number."""
    spoken = list(takewhile(_digit.fullmatch, reversed(words)))
    digits = sum(len(word) if word.isdecimal() else 1 for word in spoken)
    return len(spoken) >= 2 and digits >= 3 and digits not in _WHOLE_NUMBERS
