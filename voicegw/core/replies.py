"""What the model writes, from the request to the end of the reply: kept unseen until its turn is certain,
then shown, said aloud if that is wanted, stopped or finished, and remembered as it was delivered or heard.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from voicegw.core import turn
from voicegw.core.actions import Action, ConfirmReply, Emit, FollowBackgroundCall, Respond, StopResponding
from voicegw.core.dialogue import Dialogue, heard_of, reply_messages
from voicegw.core.events import (
    Fault,
    Message,
    ReplyDelta,
    ReplyDone,
    ReplyPiece,
    ReplyReason,
    ReplyStarted,
    ReplyStep,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.latency import Stopwatch
from voicegw.core.speech import Speech
from voicegw.core.table import Machine
from voicegw.errors import LLMInterrupted, VoicegwError


@dataclass(slots=True)
class Attempt:
    """One request to the model. messages: what it was asked, at monotonic second `asked`.

    watch: the turn that it answers; None while that is not certain. Until then what the model writes is kept
    in `unseen`. over: the model has finished, or with `failed` broken off. written: when its first text was.
    delivered: what the user has been given.
    """

    number: int
    messages: tuple[Message, ...]
    asked: float
    watch: Stopwatch | None
    written: float | None = None
    unseen: list[ReplyPiece] = field(default_factory=list)
    delivered: list[ReplyPiece] = field(default_factory=list)
    over: bool = False
    failed: bool = False

    @property
    def text(self) -> str:
        """The text among what was delivered."""
        return "".join(piece for piece in self.delivered if isinstance(piece, str))


class ReplyState(msgspec.Struct, array_like=True):
    """A reply under way whose turn is certain, for another process to deal with. begun: the user was given
    some of it, and `messages` are then left out. text, said: what was delivered of it, or heard of a spoken
    one, and as prompt messages."""

    watch: Stopwatch
    messages: tuple[Message, ...]
    begun: bool
    text: str
    said: list[Message]


class Replies:
    """One attempt at a time. `floor` hears of the first token and of the end; `now` is monotonic seconds.
    `over` is told the text of each reply that was for a turn, once it is over, and whether it was completed.

    aloud: the next reply is to be spoken. tools: names of those that the model may call; None for all. A
    spoken reply is over when it has been played out. background_calls: calls in the background whose results
    have not come yet.
    """

    def __init__(
        self,
        floor: Machine[turn.State, turn.Signal, turn.Effect],
        dialogue: Dialogue,
        speech: Speech,
        tell: Callable[[Action], None],
        over: Callable[[str, bool, float], None],
    ) -> None:
        self.aloud = False
        self.tools: tuple[str, ...] | None = None
        self.speech = speech
        self._floor = floor
        self._dialogue = dialogue
        self._tell = tell
        self._over = over
        self.background_calls: list[FollowBackgroundCall] = []
        self._attempt: Attempt | None = None
        self._attempts = 0

    @property
    def idle(self) -> bool:
        """Whether no reply is being written or spoken."""
        return self._attempt is None

    @property
    def certain(self) -> bool:
        """Whether one is, and not ahead of its turn."""
        return self._attempt is not None and self._attempt.watch is not None

    def heard(self, now: float) -> int:
        """How much of the reply under way the user has heard, or been shown, in characters."""
        if self._attempt is None:
            return 0
        heard = self.speech.heard(now)
        return len(self._attempt.text if heard is None else heard)

    def is_for(self, turn_number: int) -> bool:
        """Whether this turn is being answered."""
        watch = None if self._attempt is None else self._attempt.watch
        return watch is not None and watch.turn == turn_number

    def snapshot(self, now: float) -> ReplyState | None:
        """The reply under way; None when there is none, or none that anybody knows of."""
        attempt = self._attempt
        if attempt is None or attempt.watch is None:
            return None
        heard = self.speech.heard(now)
        text = attempt.text if heard is None else heard
        said = reply_messages(heard_of(attempt.delivered, len(text)))
        messages = () if attempt.delivered else attempt.messages  # once begun, it is not asked for again
        return ReplyState(attempt.watch, messages, bool(attempt.delivered), text, said)

    def restore(self, attempts: int, state: ReplyState | None, later_s: float, now: float) -> None:
        """Another process had begun this reply: it is asked for again if the user was given nothing of it,
        and has failed otherwise."""
        self._attempts = attempts
        if state is not None and not state.begun:
            watch = state.watch.shifted(later_s)
            self.ask(watch.turn, state.messages, now, watch)
        elif state is not None:
            self._give_up(state, state.watch.shifted(later_s), now)

    def _give_up(self, state: ReplyState, watch: Stopwatch, now: float) -> None:
        self._floor.signal(turn.Signal.REPLIED)
        self._tell(Emit(Fault.of(LLMInterrupted("the gateway that had asked for the reply is gone"))))
        self._dialogue.add_failed(state.said)
        self._tell(Emit(ReplyDone(watch.turn, state.text, ReplyReason.FAILED)))
        self._tell(Emit(watch.report(done=now)))
        self._over(state.text, False, now)

    @property
    def attempts(self) -> int:
        """How often the model was asked."""
        return self._attempts

    def answers(self, messages: tuple[Message, ...]) -> bool:
        """Whether these messages are what the model was asked ahead of time."""
        attempt = self._attempt
        return attempt is not None and attempt.watch is None and attempt.messages == messages

    def ask(
        self, turn_number: int, messages: tuple[Message, ...], now: float, watch: Stopwatch | None = None
    ) -> None:
        """Asks the model; without a `watch` ahead of time, unseen until the turn is confirmed."""
        self._attempts += 1
        self._attempt = Attempt(self._attempts, messages, now, watch)
        self._tell(
            Respond(turn_number, self._attempts, messages, speculative=watch is None, tools=self.tools)
        )

    def confirm(self, watch: Stopwatch, now: float) -> None:
        """The turn is certain: shows what has been written for it, and from now on the rest."""
        attempt = self._attempt
        assert attempt is not None, "the table confirms only a reply that was prepared"
        attempt.watch, watch.speculative = watch, True
        self._tell(ConfirmReply(attempt.number))
        unseen, attempt.unseen = attempt.unseen, []
        for piece in unseen:
            self._show(attempt, watch, piece, now)
        if attempt.over:
            self._end(None, now)

    def receive_piece(self, number: int, piece: ReplyPiece, now: float) -> None:
        """The model wrote the next piece of this attempt; one of a stopped attempt is ignored."""
        attempt = self._attempt
        if attempt is None or attempt.number != number or not piece:
            return
        if attempt.written is None and isinstance(piece, str):
            attempt.written = now
        if attempt.watch is None:
            attempt.unseen.append(piece)
        else:
            self._show(attempt, attempt.watch, piece, now)

    def receive_end(self, number: int, error: VoicegwError | None, now: float) -> None:
        """The model has finished this attempt, or failed. What fails unseen is asked again when it is due."""
        attempt = self._attempt
        if attempt is None or attempt.number != number:
            return
        if attempt.watch is not None:
            self._end(error, now)
        elif error is None:
            attempt.over = True
        else:
            self._floor.signal(turn.Signal.REPLIED)
            self._attempt = None

    def stop(self, reason: ReplyReason, now: float) -> None:
        """The one place where a reply is stopped; nobody hears of one that was unseen."""
        attempt = self._attempt
        assert attempt is not None, "the table stops only a reply that was started"
        if attempt.watch is None or not attempt.over:
            self._tell(StopResponding())
        if attempt.watch is None:
            self._attempt = None
        else:
            self._finish(reason, now)

    # --- the spoken reply ---

    def receive_audio_end(
        self, turn_number: int, sentence: int, error: VoicegwError | None, now: float
    ) -> None:
        """The voice is done with a Speak, or failed: then the reply ends with what was heard of it."""
        if not self.speech.waits_for(turn_number, sentence):
            return
        if error is None:
            self.speech.receive_audio_end(turn_number, sentence, now)
            self._conclude(now)
        else:
            self._tell(Emit(Fault.of(error)))
            self._floor.signal(turn.Signal.REPLIED)
            self.stop(ReplyReason.FAILED, now)

    def receive_played(self, turn_number: int | None, audio_ms: int, now: float) -> None:
        """The client has played so much of a spoken reply."""
        self.speech.receive_played(turn_number, audio_ms, now)
        self._conclude(now)

    def receive_tick(self, now: float) -> None:
        """Time passes: more can be played, or the spoken reply is over."""
        if self._attempt is not None:
            self.speech.receive_tick(now)
            self._conclude(now)

    # --- from the first piece to the last ---

    def _show(self, attempt: Attempt, watch: Stopwatch, piece: ReplyPiece, now: float) -> None:
        """The one place where a reply becomes visible."""
        attempt.delivered.append(piece)
        if not isinstance(piece, str):
            self._tell(Emit(ReplyStep(watch.turn, piece)))
            self.speech.receive_break(now)
            if isinstance(piece, ToolAnswered) and piece.background_call:
                calls = (each for each in attempt.delivered if isinstance(each, ToolCalled))
                call = next(each for each in calls if each.id == piece.id)
                self.background_calls.append(FollowBackgroundCall(watch.turn, call, piece.background_call))
                self._tell(self.background_calls[-1])
            return
        if watch.first_token is None:
            watch.first_token = now
            self._floor.signal(turn.Signal.TOKEN)
            self._tell(Emit(ReplyStarted(watch.turn)))
            if self.aloud:
                self.speech.begin(watch.turn)
        self._tell(Emit(ReplyDelta(watch.turn, piece)))
        self.speech.receive_text(piece, now)

    def _end(self, error: VoicegwError | None, now: float) -> None:
        """The model is done; what it wrote may still have to be said."""
        assert self._attempt is not None, "only a reply that was started ends"
        self._attempt.over, self._attempt.failed = True, error is not None
        if error is not None:
            self._tell(Emit(Fault.of(error)))
        self.speech.receive_text_end(now)
        self._conclude(now)

    def _conclude(self, now: float) -> None:
        """Finishes a reply that was written, and said aloud if it is spoken."""
        attempt = self._attempt
        if attempt is None or attempt.watch is None or not attempt.over or not self.speech.over(now):
            return
        self._floor.signal(turn.Signal.REPLIED)
        self._finish(ReplyReason.FAILED if attempt.failed else ReplyReason.COMPLETED, now)

    def _finish(self, reason: ReplyReason, now: float) -> None:
        """The one place where the books on a reply are closed: history keeps what was delivered, and of a
        spoken reply what was heard."""
        attempt, self._attempt = self._attempt, None
        assert attempt is not None, "the table stops and ends only a reply that was started"
        assert attempt.watch is not None, "one that was never certain is dropped, not finished"
        watch = attempt.watch
        watch.asked, watch.written = attempt.asked, attempt.written
        if (heard := self.speech.stop(now)) is not None:
            watch.first_audio = heard.begun
            attempt.delivered = heard_of(attempt.delivered, len(heard.text))
        self._dialogue.add_reply(attempt.delivered, cut_off=reason is not ReplyReason.COMPLETED)
        self._tell(Emit(ReplyDone(watch.turn, attempt.text, reason)))
        self._tell(Emit(watch.report(done=now)))
        self._over(attempt.text, reason is ReplyReason.COMPLETED, now)
