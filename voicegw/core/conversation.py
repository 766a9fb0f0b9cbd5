"""The reply side of a session: routes between the turn table, the dialogue and the running reply."""

from collections.abc import Callable
from dataclasses import dataclass, field

from voicegw.core import turn
from voicegw.core.actions import Action, Emit, Respond, StopResponding
from voicegw.core.dialogue import Dialogue, DialogueOptions
from voicegw.core.events import Fault, ReplyDelta, ReplyDone, ReplyPiece, ReplyReason, ReplyStarted, ReplyStep
from voicegw.core.latency import Stopwatch
from voicegw.errors import VoicegwError


@dataclass(slots=True)
class _Reply:
    """The reply in progress and what of it was delivered."""

    watch: Stopwatch
    attempt: int
    pieces: list[ReplyPiece] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))


class Conversation:
    """Asks the model and stops it. `tell` takes the actions; `now` is monotonic seconds."""

    def __init__(self, options: DialogueOptions, tell: Callable[[Action], None]) -> None:
        self.replies_wanted = True
        self._tell = tell
        self._floor = turn.floor()
        self._dialogue = Dialogue(options)
        self._reply: _Reply | None = None
        self._unanswered: Stopwatch | None = None
        self._turns = 0
        self._attempts = 0

    @property
    def idle(self) -> bool:
        """Whether no reply is running."""
        return self._reply is None

    def next_turn(self) -> int:
        """The number of the utterance or typed message that now begins."""
        self._turns += 1
        return self._turns

    def receive_speech(self) -> None:
        """Someone began to speak."""
        self._floor.signal(turn.Signal.SPEECH)

    def receive_words(self, now: float) -> None:
        """The running utterance has words: over a reply, that is a barge-in."""
        self._stop_for(self._floor.signal(turn.Signal.WORDS), ReplyReason.INTERRUPTED, now)

    def receive_final(self, text: str, watch: Stopwatch, now: float, *, more: bool) -> None:
        """An utterance is settled; with `more` of them open, its answer waits for the last one."""
        if text:
            self.receive_words(now)
        if text and self.replies_wanted:
            self._await_answer(text, watch)
        else:
            self._tell(Emit(watch.report(done=None)))
        if not more:
            answer = self._unanswered is not None
            self._start_for(self._floor.signal(turn.Signal.HEARD if answer else turn.Signal.NOTHING))

    def receive_typed(self, text: str, watch: Stopwatch, now: float) -> None:
        """A typed message is answered at once, in place of whatever was being answered."""
        effect = self._floor.signal(turn.Signal.TYPED)
        self._stop_for(effect, ReplyReason.INTERRUPTED, now)
        self._await_answer(text, watch)
        self._start_for(effect)

    def receive_piece(self, attempt: int, piece: ReplyPiece, now: float) -> None:
        """The model wrote the next piece of this attempt; one of a stopped attempt is ignored."""
        if self._reply is not None and self._reply.attempt == attempt and piece:
            self._show(self._reply, piece, now)

    def _show(self, reply: _Reply, piece: ReplyPiece, now: float) -> None:
        number = reply.watch.turn
        reply.pieces.append(piece)
        if not isinstance(piece, str):
            self._tell(Emit(ReplyStep(number, piece)))
            return
        if reply.watch.first_token is None:
            reply.watch.first_token = now
            self._floor.signal(turn.Signal.TOKEN)
            self._tell(Emit(ReplyStarted(number)))
        self._tell(Emit(ReplyDelta(number, piece)))

    def receive_reply_end(self, attempt: int, error: VoicegwError | None, now: float) -> None:
        """The model has finished this attempt, or failed to."""
        if self._reply is None or self._reply.attempt != attempt:
            return
        self._floor.signal(turn.Signal.REPLIED)
        if error is not None:
            self._tell(Emit(Fault.of(error)))
        self._finish(ReplyReason.COMPLETED if error is None else ReplyReason.FAILED, now)

    def cancel(self, now: float) -> None:
        """The client wants no more of the running reply; harmless when there is none."""
        self._stop_for(self._floor.signal(turn.Signal.CANCEL), ReplyReason.CANCELLED, now)

    def _await_answer(self, text: str, watch: Stopwatch) -> None:
        """The user said this; a turn that still waits for its answer is answered together with it."""
        self._dialogue.add_user(text)
        if self._unanswered is not None:
            self._tell(Emit(self._unanswered.report(done=None)))
        self._unanswered = watch

    def _stop_for(self, effect: turn.Effect | None, reason: ReplyReason, now: float) -> None:
        if effect in (turn.Effect.STOP, turn.Effect.RESTART):
            self._tell(StopResponding())
            self._finish(reason, now)

    def _start_for(self, effect: turn.Effect | None) -> None:
        if effect in (turn.Effect.START, turn.Effect.RESTART):
            assert self._unanswered is not None, "a reply starts for what was just said"
            self._attempts += 1
            self._reply, self._unanswered = _Reply(self._unanswered, self._attempts), None
            self._tell(Respond(self._reply.watch.turn, self._attempts, self._dialogue.prompt()))

    def _finish(self, reason: ReplyReason, now: float) -> None:
        """Closes the books on the running reply: history keeps what was delivered."""
        assert self._reply is not None, "the table stops and ends only a reply that was started"
        reply, self._reply = self._reply, None
        self._dialogue.add_reply(reply.pieces, cut_off=reason is not ReplyReason.COMPLETED)
        self._tell(Emit(ReplyDone(reply.watch.turn, reply.text, reason)))
        self._tell(Emit(reply.watch.report(done=now)))
