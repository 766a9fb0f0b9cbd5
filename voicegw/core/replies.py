"""Replies, from the request to the model to the end. The output of a speculative request is hidden until its
turn is confirmed. A reply is then sent, spoken if that is wanted, and finished or stopped. The history keeps
what the user received or heard of it.
"""

from collections.abc import Callable

from voicegw.core import turn
from voicegw.core.actions import (
    Action,
    ConfirmReply,
    FollowBackgroundCall,
    Respond,
    SendEvent,
    StopResponding,
)
from voicegw.core.chat_history import ChatHistory, heard_part, reply_messages
from voicegw.core.client_calls import paired
from voicegw.core.commands import CreateReply, Played, ReplyMode
from voicegw.core.events import Fault, ReplyDelta, ReplyDone, ReplyReason, ReplyStarted, ReplyStep
from voicegw.core.latency import TurnTiming
from voicegw.core.messages import Message, ReplyPiece, TokenUsage, ToolAnswered, ToolCalled
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_attempt import Attempt, ReplyState
from voicegw.core.speech_output import SpeechOutput
from voicegw.core.state_machine import StateMachine
from voicegw.errors import LLMInterrupted, VoicegwError


class Replies:
    """One attempt at a time. A spoken reply is over when its audio was played.

    turn_state: receives the signals for the first token and the end. on_end: called at the end of each
    confirmed reply with its text, the reason for the end, and `now`. profile: for the next replies.
    background_calls: those without a result so far. `now` is monotonic seconds.
    """

    def __init__(
        self,
        turn_state: StateMachine[turn.State, turn.Signal, turn.Effect],
        history: ChatHistory,
        speech: SpeechOutput,
        emit: Callable[[Action], None],
        on_end: Callable[[str, ReplyReason, float], None],
    ) -> None:
        self.profile = SessionProfile()
        self.speech = speech
        self._turn_state = turn_state
        self._history = history
        self._emit = emit
        self._on_end = on_end
        self.background_calls: list[FollowBackgroundCall] = []
        self._attempt: Attempt | None = None
        self.attempts = 0

    @property
    def spoken(self) -> bool:
        """Whether replies are spoken."""
        return self.profile.speaks

    @property
    def idle(self) -> bool:
        """Whether no reply is in progress."""
        return self._attempt is None

    @property
    def confirmed(self) -> bool:
        """Whether a reply is in progress and its turn is confirmed."""
        return self._attempt is not None and self._attempt.timing is not None

    @property
    def being_written(self) -> bool:
        """Whether the model writes such a reply; a spoken one may still be played afterwards."""
        return self._attempt is not None and self.confirmed and not self._attempt.over

    def heard(self, now: float) -> int:
        """How many characters of the reply in progress the user has heard; of a text reply, received."""
        if self._attempt is None:
            return 0
        heard = self.speech.heard(now)
        return len(self._attempt.text if heard is None else heard)

    def answers_turn(self, turn_number: int) -> bool:
        """Whether the reply in progress answers this turn."""
        timing = None if self._attempt is None else self._attempt.timing
        return timing is not None and timing.turn == turn_number

    def snapshot(self, now: float) -> ReplyState | None:
        """The reply in progress; None when there is none, or when it is speculative."""
        attempt = self._attempt
        if attempt is None or attempt.timing is None:
            return None
        heard = self.speech.heard(now)
        text = attempt.text if heard is None else heard
        delivered = reply_messages(heard_part(attempt.delivered, len(text)))
        messages = () if attempt.delivered else attempt.messages
        return ReplyState(attempt.timing, messages, bool(attempt.delivered), text, delivered)

    def restore(self, attempts: int, state: ReplyState | None, later_s: float, now: float) -> None:
        """Continues from the state of another process. The reply is requested again if nothing of it was
        delivered; otherwise it fails."""
        self.attempts = attempts
        if state is not None and not state.begun:
            timing = state.timing.shifted(later_s)
            self.ask(timing.turn, state.messages, now, timing)
        elif state is not None:
            self._fail_restored(state, state.timing.shifted(later_s), now)

    def _fail_restored(self, state: ReplyState, timing: TurnTiming, now: float) -> None:
        self._turn_state.signal(turn.Signal.REPLY_OVER)
        self._emit(SendEvent(Fault.of(LLMInterrupted("the gateway that requested the reply is gone"))))
        self._history.add_interrupted(state.delivered)
        self._emit(SendEvent(ReplyDone(timing.turn, state.text, ReplyReason.FAILED)))
        self._emit(SendEvent(timing.report(done=now)))
        self._on_end(state.text, ReplyReason.FAILED, now)

    def answers(self, messages: tuple[Message, ...]) -> bool:
        """Whether the speculative request in progress has these messages, and the parameters of now."""
        attempt, parameters = self._attempt, self._history.parameters_of(None)
        return attempt is not None and attempt.prepares(messages, parameters)

    def ask(
        self, turn_number: int, messages: tuple[Message, ...], now: float, timing: TurnTiming | None = None
    ) -> None:
        """Requests a reply; without a `timing`, a speculative one."""
        self._request(turn_number, messages, now, timing, CreateReply())

    def create(self, timing: TurnTiming, request: CreateReply, now: float) -> None:
        """Requests a reply as the client wants it."""
        instructions, own = request.instructions, request.messages
        prefix = self._history.prefix if instructions is None else self._history.prefix_of(instructions)
        messages = self._history.conversation() if own is None else tuple(paired(own))
        own_prompt = instructions is not None or (own is not None and not prefix)
        self._request(timing.turn, (*prefix, *messages), now, timing, request, own_prompt=own_prompt)

    def _request(
        self,
        turn_number: int,
        messages: tuple[Message, ...],
        now: float,
        timing: TurnTiming | None,
        request: CreateReply,
        *,
        own_prompt: bool = False,
    ) -> None:
        self.attempts += 1
        spoken = self.spoken if request.reply is None else request.reply is ReplyMode.AUDIO
        asked = self._history.parameters_of(request.parameters)
        self._attempt = Attempt(
            self.attempts, messages, now, timing, spoken=spoken, separate=request.separate, parameters=asked
        )
        speculative, tools = timing is None, self.profile.tools
        self._emit(Respond(turn_number, self.attempts, messages, speculative, tools, asked, own_prompt))

    def say(self, turn_number: int, text: str, now: float) -> None:
        """Replies with a given text, without a request to the model."""
        self.attempts += 1
        timing = TurnTiming(turn_number, zero=now)
        self._attempt = Attempt(self.attempts, (), now, timing, spoken=self.spoken, greeting=True)
        self.receive_piece(self.attempts, text, now)
        self.receive_end(self.attempts, None, now)

    def confirm(self, timing: TurnTiming, now: float) -> None:
        """The turn of the speculative reply is confirmed: sends the hidden output, and from now on the
        rest."""
        attempt = self._attempt
        assert attempt is not None, "the table confirms only a reply that was prepared"
        attempt.timing, timing.speculative = timing, True
        self._emit(ConfirmReply(attempt.number))
        hidden, attempt.hidden = attempt.hidden, []
        for piece in hidden:
            self._deliver(attempt, timing, piece, now)
        if attempt.over:
            self._end(None, now)

    def receive_piece(self, number: int, piece: ReplyPiece, now: float) -> None:
        """The model wrote a piece of this attempt. Pieces of a stopped attempt are ignored."""
        attempt = self._attempt
        if attempt is None or attempt.number != number or not piece:
            return
        if attempt.first_token is None and isinstance(piece, str):
            attempt.first_token = now
        if attempt.timing is None:
            attempt.hidden.append(piece)
        else:
            self._deliver(attempt, attempt.timing, piece, now)

    def receive_end(
        self, number: int, error: VoicegwError | None, now: float, used: TokenUsage | None = None
    ) -> None:
        """The model has finished this attempt, or failed. A speculative request that fails is made again when
        its turn is over."""
        attempt = self._attempt
        if attempt is None or attempt.number != number:
            return
        attempt.used = used
        if attempt.timing is not None:
            self._end(error, now)
        elif error is None:
            attempt.over = True
        else:
            self._turn_state.signal(turn.Signal.REPLY_OVER)
            self._attempt = None

    def stop(self, reason: ReplyReason, now: float) -> None:
        """Stops the reply. The only place that does; a speculative reply ends without an event."""
        attempt = self._attempt
        assert attempt is not None, "the table stops only a reply that was started"
        if attempt.timing is None or not attempt.over:
            self._emit(StopResponding())
        if attempt.timing is None:
            self._attempt = None
        else:
            self._finish(reason, now)

    # --- the spoken reply ---

    def receive_audio_end(
        self, turn_number: int, sentence: int, error: VoicegwError | None, now: float
    ) -> None:
        """The voice has finished a Speak. If it failed, the reply ends with its heard part."""
        if self.speech.pending != (turn_number, sentence):
            return
        if error is None:
            self.speech.receive_audio_end(turn_number, sentence, now)
            self._conclude(now)
        else:
            self._emit(SendEvent(Fault.of(error)))
            self._turn_state.signal(turn.Signal.REPLY_OVER)
            self.stop(ReplyReason.FAILED, now)

    def receive_played(self, played: Played, now: float) -> None:
        """The client reports how much of a spoken reply it has played."""
        self.speech.receive_played(played.turn, played.audio_ms, now, received_only=played.received_only)
        self._conclude(now)

    def receive_tick(self, now: float) -> None:
        """Sends audio that is due, and ends a spoken reply that was played."""
        if self._attempt is not None:
            self.speech.receive_tick(now)
            self._conclude(now)

    # --- delivery ---

    def _deliver(self, attempt: Attempt, timing: TurnTiming, piece: ReplyPiece, now: float) -> None:
        """Sends a piece. The only place that does."""
        attempt.delivered.append(piece)
        if not isinstance(piece, str):
            self._emit(SendEvent(ReplyStep(timing.turn, piece)))
            self.speech.receive_text_end(now, in_break=True)
            if isinstance(piece, ToolAnswered) and piece.background_call:
                calls = (each for each in attempt.delivered if isinstance(each, ToolCalled))
                call = next(each for each in calls if each.id == piece.id)
                self.background_calls.append(FollowBackgroundCall(timing.turn, call, piece.background_call))
                self._emit(self.background_calls[-1])
            return
        if timing.first_token is None:
            timing.first_token = now
            self._turn_state.signal(turn.Signal.FIRST_TOKEN)
            self._emit(SendEvent(ReplyStarted(timing.turn, attempt.greeting)))
            if attempt.spoken:
                self.speech.begin(timing.turn)
        self._emit(SendEvent(ReplyDelta(timing.turn, piece)))
        self.speech.receive_text(piece, now)

    def _end(self, error: VoicegwError | None, now: float) -> None:
        """The model has finished; a spoken reply may still have to be played."""
        assert self._attempt is not None, "only a reply that was started ends"
        self._attempt.over, self._attempt.failed = True, error is not None
        if error is not None:
            self._emit(SendEvent(Fault.of(error)))
        self.speech.receive_text_end(now)
        self._conclude(now)

    def _conclude(self, now: float) -> None:
        """Ends a reply that was written completely, and played if it is spoken."""
        attempt = self._attempt
        if attempt is None or attempt.timing is None or not attempt.over or not self.speech.over(now):
            return
        self._turn_state.signal(turn.Signal.REPLY_OVER)
        self._finish(ReplyReason.FAILED if attempt.failed else ReplyReason.COMPLETED, now)

    def _finish(self, reason: ReplyReason, now: float) -> None:
        """Ends a confirmed reply. The only place that does: the history keeps what was delivered, of a spoken
        reply what was heard."""
        attempt, self._attempt = self._attempt, None
        assert attempt is not None, "the table stops and ends only a reply that was started"
        assert attempt.timing is not None, "a speculative reply is dropped, not finished"
        timing = attempt.timing
        timing.asked, timing.model_first_token = attempt.asked, attempt.first_token
        if (played := self.speech.stop(now)) is not None:
            timing.first_audio = played.first_audio
            attempt.delivered = heard_part(attempt.delivered, len(played.text))
        if not attempt.separate:
            cut_off = reason is not ReplyReason.COMPLETED
            self._history.add_reply(attempt.delivered, timing.turn, cut_off=cut_off)
        self._emit(SendEvent(ReplyDone(timing.turn, attempt.text, reason, attempt.used)))
        if not attempt.greeting:  # which answers nobody, so it has no latency
            self._emit(SendEvent(timing.report(done=now)))
        self._on_end(attempt.text, reason, now)
