"""The dialogue manager of a session: the user's speech and messages change the turn state, which starts,
shows and stops replies."""

from collections.abc import Callable
from functools import partial

from voicegw.core import turn
from voicegw.core.actions import Action, Prewarm, SendEvent
from voicegw.core.background_calls import CallProgress
from voicegw.core.chat_history import ChatHistory, DialogueOptions
from voicegw.core.commands import CreateReply
from voicegw.core.conversation_items import ConversationItems
from voicegw.core.dialogue_state import DialogueManagerState
from voicegw.core.events import BackgroundCallReport, Moderated, ModerationTarget, ReplyDone, ReplyReason
from voicegw.core.languages import ENGLISH, Language
from voicegw.core.latency import TurnTiming
from voicegw.core.messages import ToolCalled
from voicegw.core.moderation_queue import Check
from voicegw.core.profile import SessionProfile
from voicegw.core.replies import Replies
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.speech_output import SpeechOutput
from voicegw.core.speech_over_reply import SpeechOverReply
from voicegw.errors import NoReply, ReplyInProgress

_REPLY_EFFECTS = (turn.Effect.START, turn.Effect.RESTART, turn.Effect.CONFIRM)


class DialogueManager:
    """Decides when the model is requested and when a reply stops. `replies` receives the output of the model.

    emit: called with each action. language: the language that the user speaks. `now` is monotonic seconds.
    """

    def __init__(
        self,
        dialogue: DialogueOptions,
        options: ReplyOptions,
        speech: SpeechOutput,
        emit: Callable[[Action], None],
    ) -> None:
        self.language: Language = ENGLISH
        self._options = options
        self._greeting = dialogue.greeting
        self._emit = emit
        self._turn_state = turn.new_machine()
        self._history = ChatHistory(dialogue)
        self.replies = Replies(self._turn_state, self._history, speech, emit, self._receive_reply_end)
        stop_reply = partial(self._signal, turn.Signal.CANCEL)
        self._over_reply = SpeechOverReply(options.barge_in, self._turn_state, self.replies, emit)
        self.items = ConversationItems(self._history, self.replies, stop_reply)
        self._unanswered: TurnTiming | None = None
        self._created: CreateReply | None = None  # waits for the user's words, or for the end of a reply
        self._words_due = False  # before it
        self._turns = 0
        self._speculations = 0  # of the running utterance

    @property
    def idle(self) -> bool:
        """Whether no reply is running or requested."""
        return self.replies.idle and self._created is None

    def snapshot(self, now: float) -> DialogueManagerState:
        """Its state."""
        return DialogueManagerState(
            *(self._turn_state.state, self._history.state),
            self._unanswered,
            *(self._turns, self.replies.attempts, self._speculations),
            self.replies.snapshot(now),
            self.replies.background_calls,
            self._over_reply.possible_answer,
            self._over_reply.overlap,
        )

    def restore(self, state: DialogueManagerState, later_s: float, now: float) -> None:
        """Continues from the state of another manager; this process's clock is `later_s` ahead of the
        other's. A speculative reply is dropped."""
        self._turns, self._speculations = state.turns, state.speculations
        self._unanswered = None if state.unanswered is None else state.unanswered.shifted(later_s)
        self._over_reply.restore(state.overlap, state.possible_answer, later_s)
        self._history.state = state.history
        self._turn_state.state = state.turn_state
        if state.turn_state is turn.State.SPECULATING:
            self._turn_state.signal(turn.Signal.REPLY_OVER)
        self.replies.restore(state.attempts, state.reply, later_s, now)
        self.replies.background_calls = state.background_calls
        for request in state.background_calls:
            self._emit(request)
        self._hold_during_overlap(now)

    def configure(self, profile: SessionProfile) -> None:
        """Applies the settings of a profile to the next replies."""
        self.replies.profile = profile
        self.replies.speech.configure(profile.voice, profile.speed)
        self._history.configure(profile)

    def open(self) -> None:
        """Starts a new session: lets the model read the system prompt."""
        if self._options.prewarm and self.replies.profile.wants_replies and self._history.prefix:
            self._emit(Prewarm(self._history.prefix, self.replies.profile.tools))

    def greet(self, now: float) -> None:
        """Says the greeting, if there is one and replies are spoken. It can be interrupted like any reply."""
        if self._greeting and self.replies.spoken:
            self._signal(turn.Signal.GREETING, now)
            self.replies.say(self.next_turn(), self._greeting, now)

    def next_turn(self) -> int:
        """Counts a turn, an utterance or a typed message, and returns its number."""
        self._turns += 1
        return self._turns

    # --- the user ---

    def receive_speech(self, now: float, *, resumed: bool = False) -> None:
        """The user begins to speak, or continues after a pause."""
        if not resumed:
            self._over_reply.receive_speech(now)
        self._signal(turn.Signal.SPEECH, now)

    def receive_words(self, text: str, voiced_ms: int, now: float) -> None:
        """The running utterance has words. Over a reply they may be a barge-in."""
        addressed = self._over_reply.is_addressed(text, voiced_ms, self.language)
        if addressed and not self._over_reply.is_echo(text, now):
            self._signal(turn.Signal.WORDS, now)

    def receive_pause(self, turn_number: int, text: str, now: float) -> None:
        """The speaker pauses; `text` will be the final if the silence lasts."""
        wanted = bool(text) and self.replies.profile.speculates(usually=self._options.speculate)
        begun = self._speculations < self._options.max_speculations
        listening = self._turn_state.state is turn.State.LISTENING
        if wanted and begun and listening and not self._over_reply.is_echo(text, now):
            self._speculations += 1
            self._signal(turn.Signal.PAUSE, now)
            self.replies.ask(turn_number, self._history.prompt(text), now)

    def receive_final(
        self, text: str, voiced_ms: int, timing: TurnTiming, now: float, *, more: bool, due: bool = False
    ) -> None:
        """An utterance has its final. more: others have none yet; the answer waits for the last one. due: one
        of them has ended; a reply that the client wants waits for that."""
        timing.attempts, self._speculations = self._speculations, 0
        if not self.replies.profile.answers_turns:
            self._report_unanswered()
        echo = self._over_reply.is_echo(text, now)
        heard = bool(text) and not echo and self._over_reply.is_addressed(text, voiced_ms, self.language)
        if heard:
            self._signal(turn.Signal.WORDS, now)
        if heard and self.replies.profile.answers_turns:
            self._add_turn(text, timing)
        elif text and not echo and self.replies.profile.only_notes_turns:
            self._history.add_user(text, timing.turn)
            self._emit(SendEvent(timing.report(done=None)))
        elif self._over_reply.may_answer(text, voiced_ms, echo=echo):
            self._over_reply.keep_possible_answer(text, timing)
        else:
            self._emit(SendEvent(timing.report(done=None)))
        if not more:
            self._start_reply(self._signal(self._final_signal(), now), now)
        if not due:
            self._words_due = False
            self._start_created_reply(now)

    def receive_typed(self, text: str, timing: TurnTiming, now: float) -> None:
        """A typed message starts a new reply at once and stops the one in progress."""
        effect = self._signal(turn.Signal.TYPED, now)
        self._add_turn(text, timing)
        self._start_reply(effect, now)

    # --- what the client orders ---

    def create_reply(self, request: CreateReply, now: float, *, later: bool) -> None:
        """Replies as the client wants it, after a reply that is written and still being played. later: after
        the finals that are due, too. Raises ReplyInProgress."""
        if self.replies.being_written or self._created is not None:
            raise ReplyInProgress
        self._created, self._words_due = request, later
        self._start_created_reply(now)

    def _start_created_reply(self, now: float) -> None:
        """Starts the reply that the client wants, if nothing has to come first."""
        request = self._created
        if request is None or self._words_due or self.replies.confirmed:
            return
        self._created = None
        self._signal(turn.Signal.TYPED, now)
        timing = self._unanswered or TurnTiming(self.next_turn(), zero=now)
        timing.attempts, self._unanswered = timing.attempts + 1, None
        self.replies.create(timing, request, now)

    def cancel(self, now: float, *, expected: bool = False) -> None:
        """Stops the reply in progress, if there is one. Raises NoReply if one is expected."""
        if expected and not self.replies.confirmed and self._created is None:
            raise NoReply
        self._signal(turn.Signal.CANCEL, now, ReplyReason.CANCELLED)
        self._drop_created_reply(ReplyReason.CANCELLED)

    def _drop_created_reply(self, reason: ReplyReason) -> None:
        if self._created is not None:
            self._created = None
            self._emit(SendEvent(ReplyDone(self.next_turn(), "", reason)))  # for which its client waits

    # --- tools and moderation ---

    def receive_call_progress(self, turn_number: int, call: ToolCalled, update: CallProgress) -> None:
        """Sends an update of a background tool call. A result is added to the history; the model reads it
        with the next message."""
        if update.done:
            self.replies.background_calls = [
                each for each in self.replies.background_calls if each.call.id != call.id
            ]
            self._history.add_result(call, update.content)
        report = BackgroundCallReport(turn_number, call.id, call.name, update.content, update.done, update.ok)
        self._emit(SendEvent(report))

    def receive_verdict(self, check: Check, categories: tuple[str, ...], now: float) -> None:
        """Moderation found `categories` in a text. Stops the reply that contains or answers it, and replaces
        the text in the history by a note."""
        self._emit(SendEvent(Moderated(check.turn, check.what, categories)))
        self._over_reply.drop_possible_answer(check.turn)
        if check.what is ModerationTarget.INPUT:
            stop = self._history.withhold_input(check.text) or self.replies.answers_turn(check.turn)
        else:
            stop = self.replies.answers_turn(check.turn)
        if stop:
            self._signal(turn.Signal.CANCEL, now, ReplyReason.MODERATED)
        if check.what is ModerationTarget.REPLY:
            self._history.withhold_reply(check.text)

    def _receive_reply_end(self, reply: str, reason: ReplyReason, now: float) -> None:
        """A reply is over. Speech that did not interrupt it becomes a turn if it answers a question in it.
        What stops the reply also stops the one that the client wants after it."""
        answer = self._over_reply.receive_reply_end(reply, reason is ReplyReason.COMPLETED, now)
        if answer is not None:
            self._add_turn(answer.text, answer.timing)
            if self._turn_state.state is turn.State.IDLE and self._created is None:
                self._start_reply(self._signal(turn.Signal.FINAL, now), now)
        if reason in (ReplyReason.COMPLETED, ReplyReason.FAILED):
            self._start_created_reply(now)
        else:
            self._drop_created_reply(reason)

    def _final_signal(self) -> turn.Signal:
        """The signal for the final of the last open utterance."""
        if self._unanswered is None:
            return turn.Signal.EMPTY_FINAL
        expected = self.replies.answers(self._history.prompt())
        return turn.Signal.EXPECTED_FINAL if expected else turn.Signal.FINAL

    def _signal(
        self, signal: turn.Signal, now: float, reason: ReplyReason = ReplyReason.INTERRUPTED
    ) -> turn.Effect | None:
        """Changes the turn state, and stops the reply if that is the effect. During an overlap, a spoken
        reply pauses."""
        effect = self._turn_state.signal(signal)
        if effect in (turn.Effect.STOP, turn.Effect.RESTART):
            self.replies.stop(reason, now)
        self._hold_during_overlap(now)
        return effect

    def _hold_during_overlap(self, now: float) -> None:
        """Pauses a spoken reply while the user speaks over it, unless the speech may be an echo or does not
        interrupt."""
        overlap = self._turn_state.state is turn.State.OVERLAP
        may_interrupt = self.replies.profile.may_interrupt and not self._options.barge_in.echo
        self.replies.speech.hold(overlap and may_interrupt, now)

    def _add_turn(self, text: str, timing: TurnTiming) -> None:
        """Adds a turn to the history. An earlier turn without a reply shares the reply to this one."""
        self._history.add_user(text, timing.turn)
        self._report_unanswered()
        self._unanswered = timing

    def _report_unanswered(self) -> None:
        """The last turn gets no reply of its own."""
        if self._unanswered is not None:
            self._emit(SendEvent(self._unanswered.report(done=None)))
            self._unanswered = None

    def _start_reply(self, effect: turn.Effect | None, now: float) -> None:
        """Requests or shows the reply if that is the effect."""
        timing = self._unanswered
        if timing is None or effect not in _REPLY_EFFECTS:
            return
        self._unanswered = None
        self._created = None  # the answer to the user's words takes its place
        self._over_reply.receive_answered_turn()
        if effect is turn.Effect.CONFIRM:
            self.replies.confirm(timing, now)
        else:
            timing.attempts += 1
            self.replies.ask(timing.turn, self._history.prompt(), now, timing)
