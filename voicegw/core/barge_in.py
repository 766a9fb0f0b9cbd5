"""Barge-in: which speech over a reply interrupts it.

The speech must contain enough words and be long enough. A cough that the recogniser takes for a word is too
short. Backchannels such as "mm-hm" and "okay", with which a listener asks the speaker to continue, do not
count; they depend on the language (languages.py), and in a language without known backchannels only the
number of words and the length decide.

A backchannel over a question may be its answer: it does not interrupt the reply, but is a turn after the
reply (overlap.py).
"""

import re
from dataclasses import dataclass
from functools import cache

from voicegw.core.languages import UNSPACED, Language
from voicegw.core.options import option

_SENTENCE_END = re.compile(r"[.!?…][\"')\]”’»]*(?=\s|$)|[。！？؟][」』”’）]*")
_QUESTION_MARKS = frozenset("?？؟")
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True, slots=True)
class BargeInOptions:
    """Which speech interrupts a reply."""

    words: int = option(
        1, "words that interrupt a reply; `okay`, `mm-hm` and the like do not count", ge=1, le=20
    )
    voiced_ms: int = option(200, "speech that interrupts a reply; shorter sounds are coughs", ge=0, le=5000)
    echo: bool = option(False, "clients do not cancel echo: the words of a reply itself do not interrupt it")


def interrupts(text: str, voiced_ms: int, options: BargeInOptions, language: Language) -> bool:
    """Whether this speech over a reply interrupts it."""
    plain = text.casefold().replace("’", "'").replace("-", " ")
    words = words_of(_backchannel(language).sub(" ", plain))
    return len(words) >= options.words and voiced_ms >= options.voiced_ms


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; in scripts without blanks between words, its characters."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def question_of(reply: str, heard: int) -> str:
    """The question that the reply asks at the character `heard`, or in the sentence before; empty if there is
    none. heard: how many characters of the reply were heard."""
    asked, begin = "", 0
    for found in _SENTENCE_END.finditer(reply) if heard else ():
        sentence, begin = reply[begin : found.end()], found.end()
        just_asked, asked = asked, "" if _QUESTION_MARKS.isdisjoint(found[0]) else sentence
        if begin > heard:
            return asked or just_asked
    return asked


@cache
def _backchannel(language: Language) -> "re.Pattern[str]":
    longest_first = sorted(language.backchannels.casefold().split("|"), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(longest_first)})\b")
