"""What of a conversation is to be judged next, by whom, and what a verdict means.

Judging never holds a word back: what is said goes out, and its judgement follows. One check runs at a time;
while it does, a newer text of the same turn takes the place of the one that waits, so a slow judge sees less
often, not later. A reply is judged as it grows: whenever a sentence ends in it, after so many characters, and
at its end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.events import FinalTranscript, Judged, ReplyDelta, ReplyDone, ReplyReason

_MAX_WAITING = 16
_MAX_CHARACTERS = 4_000  # of a text that goes on, its end

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


class Watch:
    """Follows one session's events and finds the checks that are due."""

    def __init__(self, every_characters: int) -> None:
        self._every_characters = every_characters
        self._waiting: dict[tuple[int, Judged], Check] = {}
        self._reply = ""
        self._judged = 0  # characters of the reply that a check has seen
        self._input = Check(0, Judged.INPUT, "")

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
                self._reply, self._judged = "", 0
            case _:
                pass

    def next_check(self) -> Check | None:
        """The check that has waited longest; it is taken."""
        for key in self._waiting:
            return self._waiting.pop(key)
        return None

    def _add_reply(self, turn: int) -> None:
        self._judged = len(self._reply)
        self._add(Check(turn, Judged.REPLY, self._reply))

    def _add(self, check: Check) -> None:
        if check.text.strip():
            key = check.turn, check.what
            self._waiting[key] = Check(check.turn, check.what, check.text[-_MAX_CHARACTERS:])
            while len(self._waiting) > _MAX_WAITING:
                del self._waiting[next(iter(self._waiting))]
