"""What the model writes, from the request to the end of the reply: kept unseen until its turn is certain,
then shown, stopped or finished, and remembered as it was delivered.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from voicegw.core import turn
from voicegw.core.actions import Action, ConfirmReply, Emit, FollowErrand, Respond, StopResponding
from voicegw.core.dialogue import Dialogue
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
from voicegw.core.table import Machine
from voicegw.errors import VoicegwError


@dataclass(slots=True)
class Attempt:
    """One request to the model. messages: what it was asked, at monotonic second `asked`.

    watch: the turn that it answers; None while that is not certain. Until then what the model writes is kept
    in `unseen`, and `over` says that there will be no more. written: when its first text was. delivered: what
    the user has been given.
    """

    number: int
    messages: tuple[Message, ...]
    asked: float
    watch: Stopwatch | None
    written: float | None = None
    unseen: list[ReplyPiece] = field(default_factory=list)
    delivered: list[ReplyPiece] = field(default_factory=list)
    over: bool = False

    @property
    def text(self) -> str:
        """The text among what was delivered."""
        return "".join(piece for piece in self.delivered if isinstance(piece, str))


class Replies:
    """One attempt at a time. `floor` hears of the first token and of the end; `now` is monotonic seconds."""

    def __init__(
        self,
        floor: Machine[turn.State, turn.Signal, turn.Effect],
        dialogue: Dialogue,
        tell: Callable[[Action], None],
    ) -> None:
        self._floor = floor
        self._dialogue = dialogue
        self._tell = tell
        self._attempt: Attempt | None = None
        self._attempts = 0

    @property
    def idle(self) -> bool:
        """Whether no reply is being written."""
        return self._attempt is None

    def is_for(self, turn_number: int) -> bool:
        """Whether this turn is being answered."""
        watch = None if self._attempt is None else self._attempt.watch
        return watch is not None and watch.turn == turn_number

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
        self._tell(Respond(turn_number, self._attempts, messages, speculative=watch is None))

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
        self._tell(StopResponding())
        if self._attempt is not None and self._attempt.watch is None:
            self._attempt = None
        else:
            self._finish(reason, now)

    def _show(self, attempt: Attempt, watch: Stopwatch, piece: ReplyPiece, now: float) -> None:
        """The one place where a reply becomes visible."""
        attempt.delivered.append(piece)
        if not isinstance(piece, str):
            self._tell(Emit(ReplyStep(watch.turn, piece)))
            if isinstance(piece, ToolAnswered) and piece.errand:
                calls = (each for each in attempt.delivered if isinstance(each, ToolCalled))
                call = next(each for each in calls if each.id == piece.id)
                self._tell(FollowErrand(watch.turn, call, piece.errand))
            return
        if watch.first_token is None:
            watch.first_token = now
            self._floor.signal(turn.Signal.TOKEN)
            self._tell(Emit(ReplyStarted(watch.turn)))
        self._tell(Emit(ReplyDelta(watch.turn, piece)))

    def _end(self, error: VoicegwError | None, now: float) -> None:
        self._floor.signal(turn.Signal.REPLIED)
        if error is not None:
            self._tell(Emit(Fault.of(error)))
        self._finish(ReplyReason.COMPLETED if error is None else ReplyReason.FAILED, now)

    def _finish(self, reason: ReplyReason, now: float) -> None:
        """The one place where the books on a reply are closed: history keeps what was delivered."""
        attempt, self._attempt = self._attempt, None
        assert attempt is not None, "the table stops and ends only a reply that was started"
        assert attempt.watch is not None, "one that was never certain is dropped, not finished"
        watch = attempt.watch
        watch.asked, watch.written = attempt.asked, attempt.written
        self._dialogue.add_reply(attempt.delivered, cut_off=reason is not ReplyReason.COMPLETED)
        self._tell(Emit(ReplyDone(watch.turn, attempt.text, reason)))
        self._tell(Emit(watch.report(done=now)))
