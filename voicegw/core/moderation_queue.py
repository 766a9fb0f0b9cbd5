"""The moderation queue: which texts of a session are judged next.

Moderation delays nothing: a text is sent, and its check follows. One check runs at a time. While it runs, a
newer text of the same reply replaces the one in the queue, and when many checks are queued, several are
judged together. So a slow moderator judges less often, but without growing delay, and every text is judged. A
reply is checked whenever a sentence ends, after a number of characters, and at its end. The arguments and the
results of tool calls are checked too, and what the client adds to the conversation or sets.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Protocol

from voicegw.core.events import (
    BackgroundCallReport,
    FinalTranscript,
    ModerationTarget,
    ReplyDelta,
    ReplyDone,
    ReplyReason,
    ReplyStep,
    ToolAnswered,
    ToolCalled,
)
from voicegw.errors import RateLimited

_PIECE_CHARACTERS = 4_000  # of one text for the moderator, at most
_OVERLAP_CHARACTERS = 400  # of consecutive pieces, so that no phrase is split between them
_MOST_SINGLE = 16  # queued checks that are judged one by one
MOST_WAITING_CHARACTERS = 64_000
NO_TURN = 0  # of instructions, tools and items, which many turns may have in their prompts
_CHECK_CHARACTERS = 100  # counted for each check in addition to its text
_RETRY_AFTER_MS = 2_000

_SENTENCE_END = re.compile(r"[.!?](\s|$)|[。！？\n]")  # also at the very end: more may follow late or never


class Moderator(Protocol):
    """Judges texts. every_characters: the length of new reply text after which it is checked."""

    every_characters: int

    async def judge(self, text: str) -> Sequence[str]:
        """The categories of harm in the text, none if it is acceptable. Raises ModerationFailed."""
        ...

    async def close(self) -> None:
        """Releases its connections."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """A text of a turn that is to be judged."""

    turn: int
    what: ModerationTarget
    text: str


def pieces(text: str) -> list[str]:
    """A text in pieces for the moderator. Each piece begins with the end of the previous one."""
    step = _PIECE_CHARACTERS - _OVERLAP_CHARACTERS
    begins = range(0, max(1, len(text) - _OVERLAP_CHARACTERS), step)
    return [text[begin : begin + _PIECE_CHARACTERS] for begin in begins]


class ModerationQueue:
    """Creates checks from the events of one session.

    `admit` limits the queue for typed messages. Speech needs no limit: a user speaks less during the longest
    check than fits into one check.
    """

    def __init__(self, every_characters: int) -> None:
        self._every_characters = every_characters
        self._waiting: list[Check] = []
        self._reply = ""
        self._judged = 0  # characters of the reply that are in a check
        self._taken = 0  # characters of the reply in checks before the queued one
        self._growing: Check | None = None  # the newest check of the reply
        self._input = Check(0, ModerationTarget.INPUT, "")

    def admit(self) -> None:
        """Raises RateLimited when the queue is too long for another typed message."""
        if sum(_CHECK_CHARACTERS + len(check.text) for check in self._waiting) > MOST_WAITING_CHARACTERS:
            raise RateLimited("too much waits to be judged", retry_after_ms=_RETRY_AFTER_MS)

    def receive_input(self, turn: int, text: str) -> None:
        """Adds a text of the user; the same text twice in a row is added once."""
        check = Check(turn, ModerationTarget.INPUT, text)
        if check != self._input:
            self._input = check
            self._add(check)

    def receive_setting(self, text: str) -> None:
        """Adds a text of the client that belongs to no turn, also if it is the same again: each of two equal
        items has to be found."""
        self._add(Check(NO_TURN, ModerationTarget.INPUT, text))

    def receive_event(self, event: object) -> None:
        """Adds the checks for an event that is sent to the client."""
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
                self._add(Check(turn, ModerationTarget.REPLY, text))
            case BackgroundCallReport(turn, content=text):
                self._add(Check(turn, ModerationTarget.REPLY, text))
            case _:
                pass

    def next_checks(self) -> list[Check]:
        """Removes and returns the checks to judge now: the oldest one and, when the queue is long, the
        following ones of the same kind that fit into one piece with it."""
        count = 1
        if len(self._waiting) > _MOST_SINGLE:
            alike = takewhile(lambda check: check.what is self._waiting[0].what, self._waiting)
            sizes = accumulate(len(check.text) + 1 for check in alike)
            count = max(1, sum(size <= _PIECE_CHARACTERS for size in sizes))
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _add_reply(self, turn: int) -> None:
        """Adds a check of the reply so far, or replaces the queued one. Of a long reply it contains the end,
        with all text that was not judged yet."""
        waits = next((at for at, each in enumerate(self._waiting) if each is self._growing), None)
        if waits is None:
            self._taken = self._judged
        self._judged = len(self._reply)
        begin = max(0, min(self._taken - _OVERLAP_CHARACTERS, len(self._reply) - _PIECE_CHARACTERS))
        self._growing = Check(turn, ModerationTarget.REPLY, self._reply[begin:])
        if waits is None:
            self._add(self._growing)
        else:
            self._waiting[waits] = self._growing

    def _add(self, check: Check) -> None:
        if check.text.strip():
            self._waiting.append(check)
