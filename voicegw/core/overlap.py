"""What the user says over a reply, or right behind it: what of that is its echo, and what its answer."""

import msgspec

from voicegw.core.barge_in import question_of
from voicegw.core.echo import is_all_of, is_echo, may_be_answer
from voicegw.core.latency import TurnTiming
from voicegw.core.replies import Replies

_ECHO_TAIL_S = 0.5  # behind a reply: how late its echo may begin to be heard


class PossibleAnswer(msgspec.Struct, array_like=True):
    """Words that did not interrupt a reply. heard: how much of it had been heard when they began, in
    characters."""

    text: str
    timing: TurnTiming
    heard: int

    def answers(self, reply: str, *, tells_echo: bool) -> bool:
        """Whether they answer a question in this reply, now that it is over."""
        return _is_answer(self.text, reply, self.heard, tells_echo=tells_echo)


class Overlap(msgspec.Struct, array_like=True):
    """over_reply: the running utterance began while a reply was spoken, or right behind it. heard: how much
    of the reply had been heard then, in characters. last_spoken: the reply that was spoken last.
    spoken_until: when it was over, in monotonic seconds."""

    over_reply: bool = False
    heard: int = 0
    last_spoken: str = ""
    spoken_until: float = float("-inf")

    def receive_speech(self, replies: Replies, now: float) -> None:
        """The user begins to speak."""
        just_over = now - self.spoken_until < _ECHO_TAIL_S
        self.over_reply = just_over or bool(replies.speech.audible_text(now))
        is_behind = just_over and replies.idle
        self.heard = len(self.last_spoken) if is_behind else replies.heard(now)

    def receive_spoken(self, reply: str, now: float) -> None:
        """A spoken reply is over."""
        self.last_spoken, self.spoken_until = reply, now

    def is_echo(self, text: str, replies: Replies, now: float) -> bool:
        """Whether the running utterance is the reply that it began over. Once that is over, a short one may
        as well be the answer to it."""
        if not self.over_reply:
            return False
        is_short = not replies.certain and may_be_answer(text)
        if is_short and _is_answer(text, self.last_spoken, self.heard, tells_echo=True):
            return False
        return is_echo(text, replies.speech.audible_text(now) or self.last_spoken)


def _is_answer(text: str, reply: str, heard: int, *, tells_echo: bool) -> bool:
    """Whether this, said when so much of the reply had been heard, answers a question in it. Where there may
    be an echo, what says all of the question is one."""
    question = question_of(reply, heard)
    return bool(question) and not (tells_echo and is_all_of(text, question))
