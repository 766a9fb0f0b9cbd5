"""What of a conversation is to be judged next, by whom, and what a verdict means.

Judging never holds a word back: what is said goes out, and its judgement follows. One check runs at a time.
While it does, a newer text of the same reply takes the place of the one that waits, and where many wait,
they are judged together: a slow judge sees less often, not later, and misses nothing. A reply is judged as it
grows: whenever a sentence ends in it, after so many characters, and at its end. What a tool is asked and what
it answers are judged as the reply is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Protocol

from voicegw.core.events import (
    BackgroundCallReport,
    FinalTranscript,
    Judged,
    ReplyDelta,
    ReplyDone,
    ReplyReason,
    ReplyStep,
    ToolAnswered,
    ToolCalled,
)
from voicegw.errors import RateLimited

_PIECE_CHARACTERS = 4_000  # that a judge is given at once
_OVERLAP_CHARACTERS = 400  # of two pieces, so that no words are judged apart that belong together
_MOST_APART = 16  # checks that wait; of more, several are judged together
MOST_WAITING_CHARACTERS = 64_000
_CHECK_CHARACTERS = 100  # that a check counts for beside its text
_RETRY_AFTER_MS = 2_000

_SENTENCE_END = re.compile(r"[.!?](\s|$)|[。！？\n]")  # at the end too: more may come late, or never


class Moderator(Protocol):
    """Judges texts."""

    every_characters: int

    async def judge(self, text: str) -> Sequence[str]:
        """The categories the text falls under, none if nothing is wrong. Raises ModerationFailed."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """A text to be judged, and what it is."""

    turn: int
    what: Judged
    text: str


def pieces(text: str) -> list[str]:
    """The whole of a text in pieces for a judge, each of which begins with the end of the one before."""
    step = _PIECE_CHARACTERS - _OVERLAP_CHARACTERS
    begins = range(0, max(1, len(text) - _OVERLAP_CHARACTERS), step)
    return [text[begin : begin + _PIECE_CHARACTERS] for begin in begins]


class Watch:
    """Follows one session's events and finds the checks that are due.

    What waits is bounded by `admit`. Speech needs no bound: people say less in the longest time that a
    judgement takes than fits into one.
    """

    def __init__(self, every_characters: int) -> None:
        self._every_characters = every_characters
        self._waiting: list[Check] = []
        self._reply = ""
        self._judged = 0  # characters of the reply that a check has seen
        self._taken = 0  # of those, the ones that were to be judged before the check that waits, if one does
        self._growing: Check | None = None  # the newest of the reply's text
        self._input = Check(0, Judged.INPUT, "")

    def admit(self) -> None:
        """Raises RateLimited when so much waits to be judged that no more may be typed."""
        if sum(_CHECK_CHARACTERS + len(check.text) for check in self._waiting) > MOST_WAITING_CHARACTERS:
            raise RateLimited("too much waits to be judged", retry_after_ms=_RETRY_AFTER_MS)

    def receive_input(self, turn: int, text: str) -> None:
        """Something the user said or typed; hearing of it twice does no harm."""
        check = Check(turn, Judged.INPUT, text)
        if check != self._input:
            self._input = check
            self._add(check)

    def receive_event(self, event: object) -> None:
        """An event that goes to the client; most are none of our business."""
        match event:
            case FinalTranscript(turn, text):
                self.receive_input(turn, text)
            case ReplyDelta(turn, text):
                self._reply += text
                fresh = self._reply[self._judged :]
                if len(fresh) >= self._every_characters or _SENTENCE_END.search(fresh):
                    self._add_reply(turn)
            case ReplyDone(turn, _, reason):
                if reason is not ReplyReason.MODERATED and len(self._reply) > self._judged:
                    self._add_reply(turn)
                self._reply, self._judged, self._growing = "", 0, None
            case ReplyStep(turn, ToolCalled(_, _, text)) | ReplyStep(turn, ToolAnswered(_, _, text)):
                self._add(Check(turn, Judged.REPLY, text))
            case BackgroundCallReport(turn, content=text):
                self._add(Check(turn, Judged.REPLY, text))
            case _:
                pass

    def next_checks(self) -> list[Check]:
        """The checks to be judged now, which are taken: the one that has waited longest, and if many wait,
        together with it those behind it of the same kind that fit into one piece."""
        count = 1
        if len(self._waiting) > _MOST_APART:
            alike = takewhile(lambda check: check.what is self._waiting[0].what, self._waiting)
            sizes = accumulate(len(check.text) + 1 for check in alike)
            count = max(1, sum(size <= _PIECE_CHARACTERS for size in sizes))
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _add_reply(self, turn: int) -> None:
        """The reply so far, in place of a check of it that waits; of a long one the end, with all that no
        judge was given yet."""
        waits = next((at for at, each in enumerate(self._waiting) if each is self._growing), None)
        if waits is None:
            self._taken = self._judged
        self._judged = len(self._reply)
        begin = max(0, min(self._taken - _OVERLAP_CHARACTERS, len(self._reply) - _PIECE_CHARACTERS))
        self._growing = Check(turn, Judged.REPLY, self._reply[begin:])
        if waits is None:
            self._add(self._growing)
        else:
            self._waiting[waits] = self._growing

    def _add(self, check: Check) -> None:
        if check.text.strip():
            self._waiting.append(check)
