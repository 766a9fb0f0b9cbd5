"""Does it sound finished? Judges a provisional transcript by its last words and its punctuation.

Punctuation works in any language the recogniser punctuates, the words in those that have a record
(languages.py): a conjunction, an article, a preposition or a filler at the end means that more is coming,
whatever the recogniser put behind it, because recognisers end every window with a full stop. Digits that are
read out one by one come in groups with pauses between them, so a string of them is not taken for finished
before it is as long as a number can be.

One word is mostly an answer ("yes", "three", "Tuesday"), and who has given it waits: it is unfinished only if
it is a word that must go on. A recogniser puts a comma behind it as easily as a full stop.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import takewhile

from voicegw.core.languages import UNSPACED, Language


class Completeness(Enum):
    """How finished a transcript sounds."""

    FINISHED = "finished"
    UNDECIDED = "undecided"  # neither is indicated
    UNFINISHED = "unfinished"


_UNSPACED_WORD = 3  # letters, at most
_LAST_CHARACTERS = 400  # of a text, which are judged: more than any command, answer or number

_word = re.compile(r"\d+(?:[.,:/]\d+)+|[^\W\d_]+(?:['-][^\W_]+)*|[^\W_]+(?:'[^\W_]+)*")
_full_stop = re.compile(r"[.?!。？！؟।۔]$")
_question_marks = ("?", "？", "؟")
_comma = re.compile(r"([,;:–—、，；：،؛…-]|\.\.)$")
_number_with_blanks = re.compile(r"(?<!\d)(?<!\d )\d{1,3}(?: \d{3})+(?! ?\d)")
_unspaced = re.compile(f"[{UNSPACED}]")


@dataclass(frozen=True, slots=True)
class _Lists:
    """A language's lists, ready to be matched with words in lower case, one blank between them."""

    ends_open: "re.Pattern[str]"
    ends_stranded: "re.Pattern[str]"
    opener: "re.Pattern[str]"
    command: "re.Pattern[str]"
    answer: "re.Pattern[str]"
    digit: "re.Pattern[str]"


@cache
def _lists(language: Language) -> _Lists:
    numeral = r"\d+" if language.digits else ""
    return _Lists(
        ends_open=_ending(language.incomplete_endings, language.incomplete_statement_endings),
        ends_stranded=_ending(language.incomplete_statement_endings),
        opener=_any(language.sentence_openers),
        command=_any(language.commands),
        answer=_any(language.commands, language.answers, language.digits),
        digit=_any(language.digits, numeral),
    )


def _ending(*lists: str) -> "re.Pattern[str]":
    return re.compile(f"(?:^| ){_any(*lists).pattern}$")


def _any(*lists: str) -> "re.Pattern[str]":
    """Matches what is in the lists; nothing when they are empty."""
    alternatives = "|".join(filter(None, lists)).casefold()
    return re.compile(f"(?:{alternatives})" if alternatives else "(?!)")


def judge(text: str, language: Language) -> Completeness:
    """How finished the text, in this language, sounds; OPEN for none."""
    shown = text[-_LAST_CHARACTERS:].replace("’", "'").rstrip("'\"”») ")
    trails_off = _comma.search(shown) is not None
    words = _words(shown, language)
    plain = " ".join(words)
    if _must_go_on(shown, plain, language, trails_off=trails_off) or _reads_out_digits(words, language):
        return Completeness.UNFINISHED
    complete = _full_stop.search(shown) or _lists(language).command.fullmatch(plain)
    return Completeness.FINISHED if words and complete and not trails_off else Completeness.UNDECIDED


def _words(shown: str, language: Language) -> list[str]:
    if language.blanks_in_numbers:
        shown = _number_with_blanks.sub(lambda found: found[0].replace(" ", ""), shown)
    words: list[str] = _word.findall(shown.casefold())
    return words


def _must_go_on(shown: str, plain: str, language: Language, *, trails_off: bool) -> bool:
    """Whether it ends in a comma or in a word that cannot be the last, and is no answer."""
    lists = _lists(language)
    if lists.answer.fullmatch(plain):
        return False
    if trails_off and (lists.opener.fullmatch(plain) or not _is_one_word(shown)):
        return True
    may_end_question = shown.endswith(_question_marks) and lists.ends_stranded.search(plain)
    return lists.ends_open.search(plain) is not None and not may_end_question


def _is_one_word(shown: str) -> bool:
    pieces = ["".join(filter(str.isalnum, piece)) for piece in shown.split()]
    spoken = [piece for piece in pieces if piece]
    return len(spoken) == 1 and (len(spoken[0]) <= _UNSPACED_WORD or not _unspaced.search(spoken[0]))


def _reads_out_digits(words: list[str], language: Language) -> bool:
    """Whether the text ends in a string of digits that is not as long as a whole number."""
    single = [part for word in words for part in word.split("-")]
    spoken = list(takewhile(_lists(language).digit.fullmatch, reversed(single)))
    digits = sum(len(word) if word.isdecimal() else 1 for word in spoken)
    return len(spoken) >= 2 and digits >= 3 and digits not in language.whole_numbers
