"""Judges by its last words and its punctuation whether a provisional transcript is a complete turn.

Punctuation is used in every language, word lists in those with a record (languages.py). A conjunction,
article, preposition or filler at the end means that more speech follows, even before a full stop, because
recognisers end every window with one. Speakers read out digits in groups with pauses between them, so a
string of digits is complete only when it is as long as a number can be.

A single word is usually an answer ("yes", "three", "Tuesday"): it is unfinished only if it cannot end a
sentence. A comma after it means nothing, because recognisers often write one there.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import takewhile

from voicegw.core.languages import UNSPACED, Language


class Completeness(Enum):
    """How complete a transcript is."""

    FINISHED = "finished"
    UNDECIDED = "undecided"  # neither is indicated
    UNFINISHED = "unfinished"


_UNSPACED_WORD = 3  # letters, at most
_LAST_CHARACTERS = 400  # of a text that are judged; more than any command, answer or number has

_word = re.compile(r"\d+(?:[.,:/]\d+)+|[^\W\d_]+(?:['-][^\W_]+)*|[^\W_]+(?:'[^\W_]+)*")
_full_stop = re.compile(r"[.?!。？！؟।۔]$")
_question_marks = ("?", "？", "؟")
_comma = re.compile(r"([,;:–—、，；：،؛…-]|\.\.)$")
_number_with_blanks = re.compile(r"(?<!\d)(?<!\d )\d{1,3}(?: \d{3})+(?! ?\d)")
_unspaced = re.compile(f"[{UNSPACED}]")


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists of a language as patterns, for words in lower case with one blank between them."""

    ends_incomplete: "re.Pattern[str]"
    ends_incomplete_statement: "re.Pattern[str]"
    opener: "re.Pattern[str]"
    command: "re.Pattern[str]"
    answer: "re.Pattern[str]"
    digit: "re.Pattern[str]"


@cache
def _lists(language: Language) -> _Lists:
    numeral = r"\d+" if language.digits else ""
    return _Lists(
        ends_incomplete=_ending(language.incomplete_endings, language.incomplete_statement_endings),
        ends_incomplete_statement=_ending(language.incomplete_statement_endings),
        opener=_any(language.sentence_openers),
        command=_any(language.commands),
        answer=_any(language.commands, language.answers, language.digits),
        digit=_any(language.digits, numeral),
    )


def _ending(*lists: str) -> "re.Pattern[str]":
    return re.compile(f"(?:^| ){_any(*lists).pattern}$")


def _any(*lists: str) -> "re.Pattern[str]":
    """Matches every entry of the lists; nothing when they are empty."""
    alternatives = "|".join(filter(None, lists)).casefold()
    return re.compile(f"(?:{alternatives})" if alternatives else "(?!)")


def judge(text: str, language: Language) -> Completeness:
    """How complete the text is; UNDECIDED for an empty one."""
    shown = text[-_LAST_CHARACTERS:].replace("’", "'").rstrip("'\"”») ")
    trails_off = _comma.search(shown) is not None
    words = _words(shown, language)
    plain = " ".join(words)
    if _is_incomplete(shown, plain, language, trails_off=trails_off) or _reads_out_digits(words, language):
        return Completeness.UNFINISHED
    complete = _full_stop.search(shown) or _lists(language).command.fullmatch(plain)
    return Completeness.FINISHED if words and complete and not trails_off else Completeness.UNDECIDED


def _words(shown: str, language: Language) -> list[str]:
    if language.blanks_in_numbers:
        shown = _number_with_blanks.sub(lambda found: found[0].replace(" ", ""), shown)
    words: list[str] = _word.findall(shown.casefold())
    return words


def _is_incomplete(shown: str, plain: str, language: Language, *, trails_off: bool) -> bool:
    """Whether it ends with a comma or with a word that cannot be the last one, and is not an answer."""
    lists = _lists(language)
    if lists.answer.fullmatch(plain):
        return False
    if trails_off and (lists.opener.fullmatch(plain) or not _is_one_word(shown)):
        return True
    may_end_question = shown.endswith(_question_marks) and lists.ends_incomplete_statement.search(plain)
    return lists.ends_incomplete.search(plain) is not None and not may_end_question


def _is_one_word(shown: str) -> bool:
    pieces = ["".join(filter(str.isalnum, piece)) for piece in shown.split()]
    spoken = [piece for piece in pieces if piece]
    return len(spoken) == 1 and (len(spoken[0]) <= _UNSPACED_WORD or not _unspaced.search(spoken[0]))


def _reads_out_digits(words: list[str], language: Language) -> bool:
    """Whether the text ends with a string of digits that is shorter than a whole number."""
    single = [part for word in words for part in word.split("-")]
    spoken = list(takewhile(_lists(language).digit.fullmatch, reversed(single)))
    digits = sum(len(word) if word.isdecimal() else 1 for word in spoken)
    return len(spoken) >= 2 and digits >= 3 and digits not in language.whole_numbers
