"""What interrupts a reply: words, enough of them, said long enough, and not only ones that listeners say.

A cough that the recogniser takes for a word is too short; "mm-hm" and "okay" are backchannels, by which a
listener asks to go on. Both leave the reply alone. Which words are backchannels is a matter of the language
(languages.py); where none are known, words and length decide.

The same words are an answer when they come over a question. They do not stop it, but once the reply is over
they are a turn.
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
    """What it takes to interrupt a reply."""

    words: int = option(1, "words that interrupt a reply, beside `okay`, `mm-hm` and the like", ge=1, le=20)
    voiced_ms: int = option(200, "speech that interrupts a reply; shorter sounds are coughs", ge=0, le=5000)
    echo: bool = option(
        False, "clients do not cancel echo: what is heard of a reply's own words does not interrupt it"
    )


def interrupts(text: str, voiced_ms: int, options: BargeInOptions, language: Language) -> bool:
    """Whether this, said over a reply so far in this language, is meant to stop it."""
    plain = text.casefold().replace("’", "'").replace("-", " ")
    words = words_of(_backchannel(language).sub(" ", plain))
    return len(words) >= options.words and voiced_ms >= options.voiced_ms


def words_of(text: str) -> list[str]:
    """The words of a text without case; in languages that are written without blanks, its characters."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def question_of(reply: str, heard: int) -> str:
    """What the reply, of which so many characters have been heard, is asking or has just asked, if at all."""
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
