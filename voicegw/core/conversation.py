"""The talking side of a session: what the user does moves the turn table, and with it the replies."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from voicegw.core import turn
from voicegw.core.actions import Action, Emit, FollowBackgroundCall, Prewarm
from voicegw.core.background_calls import CallProgress
from voicegw.core.barge_in import BargeInOptions, interrupts
from voicegw.core.commands import ReplyMode
from voicegw.core.dialogue import Dialogue, DialogueOptions, DialogueState
from voicegw.core.echo import may_be_answer
from voicegw.core.events import BackgroundCallReport, Judged, Moderated, ReplyReason, ToolCalled
from voicegw.core.languages import ENGLISH, Language
from voicegw.core.latency import Stopwatch
from voicegw.core.moderation import Check
from voicegw.core.options import option
from voicegw.core.overlap import Aside, Overlap
from voicegw.core.profile import SessionProfile
from voicegw.core.replies import Replies, ReplyState
from voicegw.core.speech import Speech


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """When the language model is asked, and what stops it."""

    speculate: bool = option(True, "ask the model in a pause, and show its reply if the turn ends there")
    max_speculations: int = option(2, "pauses of one turn in which the model is asked", ge=1, le=10)
    prewarm: bool = option(True, "have the model read the system prompt when a session opens")
    barge_in: BargeInOptions = field(default_factory=BargeInOptions)


class ConversationState(msgspec.Struct, array_like=True):
    """What the talking side knows, for another process to go on with."""

    floor: turn.State
    dialogue: DialogueState
    unanswered: Stopwatch | None
    turns: int
    attempts: int
    speculations: int
    reply: ReplyState | None
    background_calls: list[FollowBackgroundCall]
    aside: Aside | None = None
    overlap: Overlap = msgspec.field(default_factory=Overlap)


class Conversation:
    """Decides when the model is asked and when it is stopped; `replies` takes what it writes.

    `tell` takes the actions; `now` is monotonic seconds. language: what the user is speaking.
    """

    def __init__(
        self,
        dialogue: DialogueOptions,
        options: ReplyOptions,
        speech: Speech,
        tell: Callable[[Action], None],
    ) -> None:
        self.language: Language = ENGLISH
        self.replies_wanted = True
        self.speculate = options.speculate
        self._options = options
        self._tell = tell
        self._floor = turn.floor()
        self._dialogue = Dialogue(dialogue)
        self.replies = Replies(self._floor, self._dialogue, speech, tell, self._reply_over)
        self._unanswered: Stopwatch | None = None
        self._aside: Aside | None = None
        self._overlap = Overlap()
        self._turns = 0
        self._speculations = 0  # of the running utterance

    @property
    def idle(self) -> bool:
        """Whether no reply is running."""
        return self.replies.idle

    def snapshot(self, now: float) -> ConversationState:
        """All it knows."""
        return ConversationState(
            *(self._floor.state, self._dialogue.snapshot()),
            self._unanswered,
            *(self._turns, self.replies.attempts, self._speculations),
            self.replies.snapshot(now),
            self.replies.background_calls,
            self._aside,
            self._overlap,
        )

    def restore(self, state: ConversationState, later_s: float, now: float) -> None:
        """Goes on where another conversation was; this process's clock is `later_s` ahead of its. A reply
        that was being written ahead of its turn is forgotten."""
        self._turns, self._speculations = state.turns, state.speculations
        self._unanswered = None if state.unanswered is None else state.unanswered.shifted(later_s)
        self._aside = state.aside
        if self._aside is not None:
            self._aside.watch = self._aside.watch.shifted(later_s)
        self._overlap = state.overlap
        self._overlap.spoken_until += later_s
        self._dialogue.restore(state.dialogue)
        self._floor.state = state.floor
        if state.floor is turn.State.ANTICIPATING:
            self._floor.signal(turn.Signal.REPLIED)
        self.replies.restore(state.attempts, state.reply, later_s, now)
        self.replies.background_calls = state.background_calls
        for request in state.background_calls:
            self._tell(request)
        self._hold_if_contested(now)

    def configure(self, profile: SessionProfile) -> None:
        """How what is said from now on is answered."""
        self.replies_wanted = profile.reply is not ReplyMode.NONE
        self.speculate = self._options.speculate if profile.speculate is None else profile.speculate
        self.replies.aloud = profile.reply is ReplyMode.AUDIO
        self.replies.tools = profile.tools
        self.replies.speech.voice = profile.voice
        self._dialogue.instructions = profile.instructions

    def open(self) -> None:
        """A new session begins: the model may read ahead."""
        if self._options.prewarm and self.replies_wanted and self._dialogue.opening:
            self._tell(Prewarm(self._dialogue.opening, self.replies.tools))

    def next_turn(self) -> int:
        """The number of the utterance or typed message that now begins."""
        self._turns += 1
        return self._turns

    # --- what the user does ---

    def receive_speech(self, now: float, *, resumed: bool = False) -> None:
        """Someone began to speak, or goes on after a pause."""
        if not resumed:
            self._overlap.receive_speech(self.replies, now)
        self._signal(turn.Signal.SPEECH, now)

    def receive_words(self, text: str, voiced_ms: int, now: float) -> None:
        """The running utterance has words: over a reply, enough of them are a barge-in."""
        if self._is_heard(text, voiced_ms) and not self._is_echo(text, now):
            self._signal(turn.Signal.WORDS, now)

    def receive_pause(self, turn_number: int, text: str, now: float) -> None:
        """The speaker pauses; if the silence lasts, this is the final."""
        wanted = self.speculate and self.replies_wanted and bool(text)
        begun = self._speculations < self._options.max_speculations
        listening = self._floor.state is turn.State.LISTENING
        if wanted and begun and listening and not self._is_echo(text, now):
            self._speculations += 1
            self._signal(turn.Signal.PAUSE, now)
            self.replies.ask(turn_number, self._dialogue.prompt(text), now)

    def receive_final(self, text: str, voiced_ms: int, watch: Stopwatch, now: float, *, more: bool) -> None:
        """An utterance is settled; with `more` of them open, its answer waits for the last one."""
        watch.attempts, self._speculations = self._speculations, 0
        echo = self._is_echo(text, now)
        heard = bool(text) and not echo and self._is_heard(text, voiced_ms)
        if heard:
            self._signal(turn.Signal.WORDS, now)
        if heard and self.replies_wanted:
            self._await_answer(text, watch)
        elif self._may_answer(text, voiced_ms, echo=echo):
            self._drop_aside()
            self._aside = Aside(text, watch, self._overlap.heard)
        else:
            self._tell(Emit(watch.report(done=None)))
        if not more:
            self._answer(self._signal(self._outcome(), now), now)

    def receive_typed(self, text: str, watch: Stopwatch, now: float) -> None:
        """A typed message is answered at once, in place of whatever was being answered."""
        effect = self._signal(turn.Signal.TYPED, now)
        self._await_answer(text, watch)
        self._answer(effect, now)

    def cancel(self, now: float) -> None:
        """The client wants no more of the running reply; harmless when there is none."""
        self._signal(turn.Signal.CANCEL, now, ReplyReason.CANCELLED)

    # --- what others find out ---

    def receive_call_progress(self, turn_number: int, call: ToolCalled, news: CallProgress) -> None:
        """A tool call in the background gets on; the model learns of its result with the next message."""
        if news.done:
            self.replies.background_calls = [
                each for each in self.replies.background_calls if each.call.id != call.id
            ]
            self._dialogue.add_result(call, news.content)
        report = BackgroundCallReport(turn_number, call.id, call.name, news.content, news.done, news.ok)
        self._tell(Emit(report))

    def receive_verdict(self, check: Check, categories: tuple[str, ...], now: float) -> None:
        """Moderation found something: the reply that it is in, or would answer it, stops, and history keeps a
        note in place of the words."""
        self._tell(Emit(Moderated(check.turn, check.what, categories)))
        if self._aside is not None and self._aside.watch.turn == check.turn:
            self._drop_aside()
        if check.what is Judged.INPUT:
            stop = self._dialogue.withhold_input(check.text)
        else:
            stop = self.replies.is_for(check.turn)
        if stop:
            self._signal(turn.Signal.CANCEL, now, ReplyReason.MODERATED)
        if check.what is Judged.REPLY:
            self._dialogue.withhold_reply(check.text)

    def _is_heard(self, text: str, voiced_ms: int) -> bool:
        """Whether words are meant for us: over a reply, coughs and backchannels are not."""
        contested = self._floor.state is turn.State.CONTESTED
        return not contested or interrupts(text, voiced_ms, self._options.barge_in, self.language)

    def _is_echo(self, text: str, now: float) -> bool:
        """Whether an utterance that began over a spoken reply is that reply."""
        return self._options.barge_in.echo and self._overlap.is_echo(text, self.replies, now)

    def _may_answer(self, text: str, voiced_ms: int, *, echo: bool) -> bool:
        """Whether what does not interrupt a reply may be the answer to it."""
        long_enough = bool(text) and voiced_ms >= self._options.barge_in.voiced_ms
        may_be = not echo or may_be_answer(text)
        return self.replies_wanted and long_enough and may_be and self.replies.certain

    def _reply_over(self, reply: str, completed: bool, now: float) -> None:
        """What was said over a question without stopping it is its answer."""
        aside, tells_echo = self._aside, self._options.barge_in.echo
        if self.replies.aloud:
            self._overlap.receive_spoken(reply, now)
        if aside is None or not completed or not aside.answers(reply, tells_echo=tells_echo):
            self._drop_aside()
            return
        self._aside = None
        self._await_answer(aside.text, aside.watch)
        if self._floor.state is turn.State.IDLE:
            self._answer(self._signal(turn.Signal.HEARD, now), now)

    def _drop_aside(self) -> None:
        """What was said over the reply has come to nothing."""
        aside, self._aside = self._aside, None
        if aside is not None:
            self._tell(Emit(aside.watch.report(done=None)))

    def _outcome(self) -> turn.Signal:
        """What the last open utterance has come to."""
        if self._unanswered is None:
            return turn.Signal.NOTHING
        foreseen = self.replies.answers(self._dialogue.prompt())
        return turn.Signal.EXPECTED if foreseen else turn.Signal.HEARD

    def _signal(
        self, signal: turn.Signal, now: float, reason: ReplyReason = ReplyReason.INTERRUPTED
    ) -> turn.Effect | None:
        """Moves on in the table, and stops the reply if that is the effect. One that is spoken pauses for as
        long as it is contested."""
        effect = self._floor.signal(signal)
        if effect in (turn.Effect.STOP, turn.Effect.RESTART):
            self.replies.stop(reason, now)
        self._hold_if_contested(now)
        return effect

    def _hold_if_contested(self, now: float) -> None:
        """Nothing is said over someone who may be speaking to us, unless it may as well be an echo."""
        contested = self._floor.state is turn.State.CONTESTED
        self.replies.speech.hold(contested and not self._options.barge_in.echo, now)

    def _await_answer(self, text: str, watch: Stopwatch) -> None:
        """The user said this; a turn that still waits for its answer is answered together with it."""
        self._dialogue.add_user(text)
        if self._unanswered is not None:
            self._tell(Emit(self._unanswered.report(done=None)))
        self._unanswered = watch

    def _answer(self, effect: turn.Effect | None, now: float) -> None:
        """Starts or shows the reply if that is the effect."""
        watch = self._unanswered
        if watch is None or effect is None:
            return
        self._unanswered = None
        self._drop_aside()
        self._overlap.heard = 0
        if effect is turn.Effect.CONFIRM:
            self.replies.confirm(watch, now)
        else:
            watch.attempts += 1
            self.replies.ask(watch.turn, self._dialogue.prompt(), now, watch)
