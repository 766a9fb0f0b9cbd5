"""Speech over a reply, as the dialogue manager sees it: whether it interrupts the reply, is an echo of it, or
answers a question in it after its end."""

from collections.abc import Callable

from voicegw.core import turn
from voicegw.core.actions import Action, SendEvent
from voicegw.core.barge_in import BargeInOptions, interrupts
from voicegw.core.echo import may_be_answer
from voicegw.core.languages import Language
from voicegw.core.latency import TurnTiming
from voicegw.core.overlap import Overlap, PossibleAnswer
from voicegw.core.replies import Replies
from voicegw.core.state_machine import StateMachine


class SpeechOverReply:
    """Judges the running utterance, and keeps the one that may answer the reply in progress.

    emit: called with each action. overlap, possible_answer: the state, for snapshots. `now` is monotonic
    seconds.
    """

    def __init__(
        self,
        options: BargeInOptions,
        turn_state: StateMachine[turn.State, turn.Signal, turn.Effect],
        replies: Replies,
        emit: Callable[[Action], None],
    ) -> None:
        self._options = options
        self._turn_state = turn_state
        self._replies = replies
        self._emit = emit
        self.overlap = Overlap()
        self.possible_answer: PossibleAnswer | None = None

    def restore(self, overlap: Overlap, possible_answer: PossibleAnswer | None, later_s: float) -> None:
        """Continues from the state of another process; this process's clock is `later_s` ahead."""
        self.overlap, self.possible_answer = overlap, possible_answer
        self.overlap.spoken_until += later_s
        if self.possible_answer is not None:
            self.possible_answer.timing = self.possible_answer.timing.shifted(later_s)

    def receive_speech(self, now: float) -> None:
        """An utterance begins."""
        self.overlap.receive_speech(self._replies, now)

    def is_addressed(self, text: str, voiced_ms: int, language: Language) -> bool:
        """Whether words are meant for the assistant: over a reply, coughs and backchannels are not."""
        if self._turn_state.state is not turn.State.OVERLAP:
            return True
        may_interrupt = self._replies.profile.may_interrupt
        return may_interrupt and interrupts(text, voiced_ms, self._options, language)

    def is_echo(self, text: str, now: float) -> bool:
        """Whether the running utterance is an echo of a spoken reply."""
        return self._options.echo and self.overlap.is_echo(text, self._replies, now)

    def may_answer(self, text: str, voiced_ms: int, *, echo: bool) -> bool:
        """Whether words that do not interrupt a reply may be the answer to a question in it."""
        long_enough = bool(text) and voiced_ms >= self._options.voiced_ms
        may_be = not echo or may_be_answer(text)
        return self._replies.profile.wants_replies and long_enough and may_be and self._replies.confirmed

    def keep_possible_answer(self, text: str, timing: TurnTiming) -> None:
        """Keeps words until the end of the reply, instead of earlier ones."""
        self.drop_possible_answer()
        self.possible_answer = PossibleAnswer(text, timing, self.overlap.heard_characters)

    def drop_possible_answer(self, turn_number: int | None = None) -> None:
        """Drops the words that were kept, and reports their latency. turn_number: only those of this turn."""
        dropped = self.possible_answer
        if dropped is not None and turn_number in (None, dropped.timing.turn):
            self.possible_answer = None
            self._emit(SendEvent(dropped.timing.report(done=None)))

    def receive_answered_turn(self) -> None:
        """A reply to a turn is requested or shown."""
        self.drop_possible_answer()
        self.overlap.heard_characters = 0

    def receive_reply_end(self, reply: str, completed: bool, now: float) -> PossibleAnswer | None:
        """A reply is over. Returns the words that were kept if they answer a question in it."""
        if self._replies.spoken:
            self.overlap.receive_reply_end(reply, now)
        kept = self.possible_answer
        if kept is None or not completed or not kept.answers(reply, tells_echo=self._options.echo):
            self.drop_possible_answer()
            return None
        self.possible_answer = None
        return kept
