"""Splits a reply into sentences while it is being written, so that the first one can be spoken early.

A split is final, because the voice already has the sentence. So a full stop ends a sentence only when the
first letter of the next word shows that a new one begins; the stops of abbreviations, initials, decimals and
list numbers do not. The first piece may also end at a comma, because a short delay matters more than
intonation. Each Markdown line (item, heading, table row) is a piece, and code is marked as silent.
"""

import re
from dataclasses import dataclass

_CLOSERS = r"[*_~`\"')\]}”’»]*+"  # possessive repetitions, as elsewhere here: no backtracking
_BREAK = re.compile(
    rf"(?P<stop>[.!?…]++){_CLOSERS}(?=\s)"  # in scripts with blanks between words
    rf"|[。！？]+[」』”’）]*"  # in scripts without
    rf"|\n"
)
_CLAUSE = re.compile(rf"(?<![,;:—–])(?:[,;:—–]|--)++{_CLOSERS}\s+")
_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
_MAYBE_FENCE = re.compile(r"[ \t]{0,3}(?:`{0,3}|~{0,3})")
_LAST_WORD = re.compile(r"[^\s*_(\[\"'“‘]*$")
_NUMBER_OF_ITEM = re.compile(r"(?:^|\n)[\s*_#>-]*(?:\d{1,3}|[a-zA-Z])$")
_INITIALS = re.compile(r"(?:[A-Z]\.)*[A-HJ-Z]")  # "J. R. Smith", "U.S. Army", not "so do I."
_NEVER_LAST = re.compile(
    r"(?:mr|mrs|ms|mx|dr|prof|st|sr|sra|mme|rev|hon|fr|gen|col|maj|capt|cmdr|lt|sgt|pres|gov|sen|rep|supt"
    r"|vs|e\.g|i\.e|eg|ie|cf|viz|mt|ft|approx)",
    re.IGNORECASE,
)
_BEFORE_NUMBERS = re.compile(
    r"(?:nos?|nr|figs?|pp?|vol|ch|sec|art|par|ca|c|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)",
    re.IGNORECASE,
)

MAX_CHARACTERS = 240  # about 15 s of speech
_LOOK_BACK = 20  # characters before a stop in which an abbreviation is searched
FIRST_CLAUSE_CHARACTERS = 30  # about 2 s; a shorter piece would end before the next one is synthesised


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of a reply. The concatenated pieces are the text of the reply.

    start: the position of its first character in the text. silent: it is code, which is not spoken.
    """

    start: int
    text: str
    silent: bool = False

    @property
    def end(self) -> int:
        """The position after its last character."""
        return self.start + len(self.text)


class SentenceSplitter:
    """Splits one reply into sentences of at most 240 characters."""

    def __init__(self) -> None:
        self._pending = ""
        self._at = 0  # the part of it that is split off already; removed once per call
        self._start = 0
        self._in_code = False

    def push(self, text: str) -> list[Sentence]:
        """Adds text. Returns the sentences that are complete now."""
        self._pending += text
        return self._cut(ended=False)

    def flush(self) -> list[Sentence]:
        """The rest: the reply has ended."""
        return self._cut(ended=True)

    def _cut(self, *, ended: bool) -> list[Sentence]:
        sentences = []
        while length := self._next(ended):
            text = self._pending[self._at : self._at + length]
            silent = self._in_code or _FENCE.match(text) is not None
            if _FENCE.match(text):
                self._in_code = not self._in_code
            sentences.append(Sentence(self._start, text, silent))
            self._at += length
            self._start += length
        self._pending, self._at = self._pending[self._at :], 0
        return sentences

    def _next(self, ended: bool) -> int:
        """The length of the next piece; 0 while its end is uncertain. Only as much text as the longest piece
        is examined, so that the work does not grow with the pending text."""
        head = self._pending[self._at : self._at + MAX_CHARACTERS + 1]
        ended = ended and self._at + len(head) == len(self._pending)
        length = _line(head) if self._in_code else self._sentence(head, ended)
        if length > MAX_CHARACTERS or (length == 0 and len(head) > MAX_CHARACTERS):
            length = _bounded(head)
        return length or (len(head) if ended else 0)

    def _sentence(self, head: str, ended: bool) -> int:
        if _FENCE.match(head):
            return _line(head)
        if not ended and _MAYBE_FENCE.fullmatch(head):
            return 0
        for found in _BREAK.finditer(head):
            following = head[found.end() :].lstrip()
            if not following and not ended:
                return self._clause(head)
            if _ends_sentence(head, found, following):
                return len(head) - len(following)
        return self._clause(head)

    def _clause(self, head: str) -> int:
        """The first piece of a reply may end at a comma."""
        if self._start == 0:
            for found in _CLAUSE.finditer(head):
                if found.end() >= FIRST_CLAUSE_CHARACTERS:
                    return found.end()
        return 0


def _line(head: str) -> int:
    return head.find("\n") + 1


def _ends_sentence(text: str, found: re.Match[str], following: str) -> bool:
    """Whether the stop or line end `found` ends a sentence. following: the text after the blanks."""
    blanks = text[found.end() : len(text) - len(following)]
    if found[0] == "\n":
        return not following[:1].islower()
    if found["stop"] is None:
        return True
    if "\n\n" in blanks or not following:
        return True
    if following[0].islower():
        return "\n" in blanks and found["stop"] != "."
    return found["stop"] != "." or not abbreviates(text, found.start(), following)


def abbreviates(text: str, stop: int, following: str) -> bool:
    """Whether the single stop at this position belongs to the word before it."""
    begin = max(0, stop - _LOOK_BACK)
    last = _LAST_WORD.search(text, begin, stop)
    word = last[0] if last else ""
    if _NEVER_LAST.fullmatch(word) or _INITIALS.fullmatch(word):
        return True
    if _NUMBER_OF_ITEM.search(text, begin, stop):
        return True
    return _BEFORE_NUMBERS.fullmatch(word) is not None and following[0].isdigit()


def _bounded(text: str) -> int:
    """Where to split a text without a sentence end: after a clause, else between words, else anywhere."""
    head = text[:MAX_CHARACTERS]
    clauses = [found.end() for found in _CLAUSE.finditer(head)]
    if clauses and clauses[-1] >= FIRST_CLAUSE_CHARACTERS:
        return clauses[-1]
    return head.rfind(" ") + 1 or len(head)
