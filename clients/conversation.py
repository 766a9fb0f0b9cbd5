"""The turns of a conversation, from the server's messages.

The terminal views show them, and the commands decide by them whether every turn was completed.
"""

import re
from dataclasses import dataclass, field

from voicegw.core.events import ReplyReason
from voicegw.dialects import native


@dataclass(eq=False)
class Turn:
    """One utterance or typed message, and its reply.

    `partials` counts the ones that showed words. `joined`: no blank separates `tentative` from `stable`.
    `final` and `reason` are None until they are known.
    """

    number: int
    partials: int = 0
    stable: str = ""
    tentative: str = ""
    joined: bool = False
    final: native.FinalMessage | None = None
    reply: str = ""
    reason: ReplyReason | None = None
    latency: native.LatencyMessage | None = None

    def is_settled(self, *, expects_reply: bool) -> bool:
        """Whether no more messages follow: an utterance without words gets no reply, and a failed reply
        ends."""
        if self.reason is not None:
            return True
        return self.final is not None and not (expects_reply and self.final.text)


@dataclass
class Conversation:
    """The turns by number, and the codes of the errors that were reported. When a session is lost and a new
    one begins, its turns are numbered after the existing ones."""

    turns: dict[int, Turn] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _earlier: int = 0

    def receive(self, message: native.ServerMessage) -> Turn | None:
        """Apply a message; the turn that it changed, if any."""
        if isinstance(message, native.ErrorMessage):
            self.errors.append(message.code)
        if isinstance(message, native.ReadyMessage) and not message.resumed:
            self._earlier = max(self.turns, default=0)
        number = getattr(message, "turn", None)
        if number is None:
            return None
        number += self._earlier
        turn = self.turns.setdefault(number, Turn(number))
        _apply(message, turn)
        return turn

    def is_completed(self, *, expects_reply: bool) -> bool:
        """Every turn is settled, and no reply failed. An interrupted or cancelled reply did not fail.

        Utterances with a short pause between them are answered together, in the turn of the last one.
        """
        answered = max((number for number, turn in self.turns.items() if turn.reason), default=0)
        return all(
            turn.is_settled(expects_reply=expects_reply and turn.number >= answered)
            and turn.reason is not ReplyReason.FAILED
            for turn in self.turns.values()
        )


def _apply(message: native.ServerMessage, turn: Turn) -> None:
    match message:
        case native.PartialMessage():
            turn.stable, turn.tentative, turn.joined = message.stable, message.tentative, message.joined
            turn.partials += bool(message.stable or message.tentative)
        case native.FinalMessage():
            turn.final = message
        case native.ReplyDeltaMessage():
            turn.reply += message.text
        case native.ReplyDoneMessage():
            turn.reply, turn.reason = message.text, message.reason
        case native.LatencyMessage():
            turn.latency = message
        case _:
            pass


def normalised(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, no punctuation, hyphens as blanks.

    An apostrophe inside a word is dropped ("what's" becomes "whats"); numbers stay as they are written.
    """
    return re.sub(r"[^\w\s]", "", re.sub(r"[-‐–—/]", " ", text.lower())).split()
