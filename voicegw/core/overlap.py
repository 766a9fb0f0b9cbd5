"""Speech over a reply, or right after it: whether it is an echo of the reply or an answer to it."""

import msgspec

from voicegw.core.barge_in import question_of
from voicegw.core.echo import is_all_of, is_echo, may_be_answer
from voicegw.core.latency import TurnTiming
from voicegw.core.replies import Replies

_ECHO_TAIL_S = 0.5  # after a reply: how late its echo may begin


class PossibleAnswer(msgspec.Struct, array_like=True):
    """Words that did not interrupt a reply but may answer a question in it. heard_characters: how much of the
    reply the user had heard when the words began."""

    text: str
    timing: TurnTiming
    heard_characters: int

    def answers(self, reply: str, *, tells_echo: bool) -> bool:
        """Whether they answer a question in the whole reply."""
        return _is_answer(self.text, reply, self.heard_characters, tells_echo=tells_echo)


class Overlap(msgspec.Struct, array_like=True):
    """The state of the running utterance relative to spoken replies. Times are monotonic seconds.

    over_reply: the utterance began while a reply was spoken, or right after it. heard_characters: how much of
    the reply the user had heard then. last_spoken: the text of the last spoken reply. spoken_until: its end.
    """

    over_reply: bool = False
    heard_characters: int = 0
    last_spoken: str = ""
    spoken_until: float = float("-inf")

    def receive_speech(self, replies: Replies, now: float) -> None:
        """The user begins to speak."""
        just_over = now - self.spoken_until < _ECHO_TAIL_S
        self.over_reply = just_over or bool(replies.speech.audible_text(now))
        is_after = just_over and replies.idle
        self.heard_characters = len(self.last_spoken) if is_after else replies.heard(now)

    def receive_reply_end(self, reply: str, now: float) -> None:
        """A spoken reply is over."""
        self.last_spoken, self.spoken_until = reply, now

    def is_echo(self, text: str, replies: Replies, now: float) -> bool:
        """Whether the running utterance is an echo of the reply. After the reply, a short utterance may be an
        answer that repeats words of a question."""
        if not self.over_reply:
            return False
        is_short = not replies.confirmed and may_be_answer(text)
        if is_short and _is_answer(text, self.last_spoken, self.heard_characters, tells_echo=True):
            return False
        return is_echo(text, replies.speech.audible_text(now) or self.last_spoken)


def _is_answer(text: str, reply: str, heard_characters: int, *, tells_echo: bool) -> bool:
    """Whether `text` answers a question in the reply. tells_echo: an utterance that repeats the whole
    question is an echo, not an answer."""
    question = question_of(reply, heard_characters)
    return bool(question) and not (tells_echo and is_all_of(text, question))
