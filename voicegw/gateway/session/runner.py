"""One live core session with the tasks it asks for: its decodes, its reply.

It outlives its sockets. Without a connection it is parked, and goes on deciding for a while."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

import structlog

from voicegw.core import actions, events
from voicegw.core.commands import Acknowledge, Command, Configure, ReplyMode
from voicegw.core.moderation import Check
from voicegw.core.session import Session
from voicegw.core.store import Fenced, Saved
from voicegw.dialects.parameters import StreamParameters
from voicegw.errors import Draining, InternalError, Moved, SlowConsumer, TakenOver, VoicegwError
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.services import Services
from voicegw.gateway.session.activity import ActivityTimestamps
from voicegw.gateway.session.asr_task import decode
from voicegw.gateway.session.llm_task import LLMTask
from voicegw.gateway.session.moderation_task import Moderation
from voicegw.gateway.session.outbox import Outbox, Reader
from voicegw.gateway.session.tasks import Tasks
from voicegw.gateway.session.tool_call_task import follow
from voicegw.gateway.session.tts_task import TTSTask, check_voice
from voicegw.gateway.session.write_ahead import ResumeOptions, RunnerState, WriteAheadLog
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

log = structlog.get_logger(__name__)

Leave = Callable[[VoicegwError | None], None]


class SessionRunner:
    """`wanted`: what its client asked for when it was opened, which holds on all its connections. `error`:
    why the session ended, once it has; None for an end that was asked for."""

    def __init__(
        self,
        session: Session,
        services: Services,
        outbox: Outbox,
        options: ResumeOptions,
        limits: events.Limits,
        wanted: StreamParameters,
        usage: Quota,
        seat: Seat,
        user: str = "",
    ) -> None:
        self.name, self.user, self.seat, self._wanted = session.name, user, seat, wanted
        self.ended = SingleWaiterEvent()
        self.error: VoicegwError | None = None
        self.stamps, self.usage = ActivityTimestamps.begun(time.monotonic()), usage
        self._session = session
        self._services = services
        self._options = options
        self._limits = limits
        self._outbox = outbox
        self._leave: Leave | None = None
        self._draining = self._running = self._complete = False
        self._tasks = Tasks()
        self._spawn = self._tasks.start
        self.replying = LLMTask(
            *(session, services.responder_for(user, session.name), services.metrics, self._spawn),
            *(self._carry_on_replying, services.declared),
        )
        self._moderation = Moderation(services.moderator, services.metrics, self._receive_verdict, self.tell)
        self._speaking = TTSTask(
            session, services.voice, services.metrics, outbox, self._spawn, self._carry_on_replying
        )
        self.doubt = self.receive_sign = session.receive_sign  # a connection has its own way to find out
        self.saver = WriteAheadLog(
            *(services.store, session, wanted, user, outbox, self.stamps, usage, options),
            lambda error: self.tell(events.Fault.of(error)),
        )

    @property
    def parked(self) -> bool:
        """Whether no connection is attached."""
        return self._leave is None

    @property
    def parameters(self) -> StreamParameters:
        """What the session is: as it was opened, and as its replies have been configured since."""
        return replace(self._wanted, reply=self._session.reply_mode)

    @property
    def owing(self) -> bool:
        """Whether the session is complete, but what its client has not been told waits to be saved."""
        return self._complete and not self.ended.is_set() and bool(self._outbox.journal.unsaved())

    async def run(self) -> None:
        """Carries the session until it ends; leaving the task group is the whole clean-up."""
        try:
            async with self._tasks:
                self._running = True
                self._spawn(self._moderation.run(), "moderation")
                if self._services.store.durable:
                    self._spawn(self._save(), "saver")
                self._perform()
                await self.ended.wait()
                self._tasks.cancel()
        except* Exception:
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        self._say_why()
        if not self._lives_on:
            await self.saver.drop()

    @property
    def _lives_on(self) -> bool:
        """Whether the session is over for this gateway only, and another one has it or will have."""
        return isinstance(self.error, Moved | Draining if self._services.store.durable else Moved)

    def _say_why(self) -> None:
        if not self._lives_on and self.error is not None and not isinstance(self.error, SlowConsumer):
            self.tell(events.Fault.of(self.error))
        self._outbox.release(() if self._lives_on else self._outbox.journal.unsaved())
        for kind, count in self._outbox.journal.coalesced.items():
            self._services.metrics.outbox_coalesced.labels(kind).inc(count)
        self._services.metrics.session_ends.labels("done" if self.error is None else self.error.code).inc()
        if self._leave is not None:
            self._leave(self.error)

    async def _save(self) -> None:
        try:
            await self.saver.run()
        except Fenced:
            self.finish(Moved())

    def restore(self, saved: Saved, state: RunnerState) -> None:
        """Goes on where another gateway was."""
        now = time.monotonic()
        self.stamps.opened_at = now - state.age_s - saved.age_s
        self.usage.restore(state.usage, time.time() - now)
        self.saver.restore(saved, state, now)

    # --- connections ---

    def can_resume_after(self, seq: int) -> bool:
        """Whether a client that has seen the events up to `seq` can be given the rest."""
        return not self.ended.is_set() and self._outbox.journal.can_resume_after(seq)

    def has_told(self, seq: int) -> bool:
        """Whether there is an event of this number here."""
        return seq <= self._outbox.journal.last

    def attach(self, leave: Leave, after: int | None = None) -> Reader:
        """A connection takes the session, from another one that has it, and reads what there is to tell; it
        goes when `leave` is called. after: the last event that a returning client has seen."""
        if self._leave is not None:
            self._leave(TakenOver())
        self._leave, now = leave, time.monotonic()
        self.seat.waits_since = None
        samples, messages = self._session.next_input_sample, self._session.messages_taken
        reader = self._outbox.reader(after or 0, events.AudioAcknowledged(samples, messages))
        resumed = after is not None
        development, aloud = not self.user, self._session.reply_audio
        self.tell(
            events.SessionReady(
                self.name, self.saver.epoch, resumed, samples, self._limits, messages, development, aloud
            )
        )
        self.stamps.alive_at = now
        if resumed:
            self._session.receive_return(now)
        if self._complete:
            leave(None)
        return reader

    def detach(self, leave: Leave, *, hung_up: bool) -> None:
        """The connection is closed. A client that has `hung_up` will not be back; any other may be."""
        if self._leave != leave:
            return
        self._leave = None
        self.seat.wait()
        if hung_up or not self._options.window_ms:
            self.finish(None)
        if self._draining and self._services.store.durable:
            self.finish(Draining())
        self.stamps.alive_at = time.monotonic()
        self._session.receive_absence()

    # --- what comes in ---

    def receive_message(self) -> None:
        """A text message is here, good or bad; its number tells where a client that was cut off goes on."""
        self._session.messages_taken += 1

    def receive_audio(self, data: bytes) -> None:
        """A piece of the client's audio. Raises InputError, using none of it."""
        if not self.ended.is_set():
            self._session.receive_audio(data, time.monotonic())
            self._perform()

    def receive_command(self, command: Command) -> None:
        """What the client asks for. Raises InputError or RateLimited, changing nothing."""
        self._moderation.receive_command(command)
        if isinstance(command, Acknowledge):
            self._outbox.journal.acknowledge(command.seq)
        if isinstance(command, Configure) and command.reply is ReplyMode.AUDIO:
            check_voice(self._services.voice)
        if not self.ended.is_set():
            self._session.receive_command(command, time.monotonic())
            self._perform()

    def drain(self, retry_after_ms: int) -> None:
        """Tells the client to move on. With a store that outlives this gateway it does so at once and finds
        its session there; otherwise the session ends at its next quiet moment."""
        if self._draining:
            return
        self._draining = True
        if not self._services.store.durable:
            self.tell(events.GoingAway(retry_after_ms))
        elif self._leave is None:
            self.finish(Draining())
        else:
            self.tell(events.GoingAway(retry_after_ms=0))
            self._leave(Draining())

    def finish(self, error: VoicegwError | None) -> None:
        """Ends the session; the first one to call this decides why."""
        if not self.ended.is_set():
            self.error = error
            self.ended.set()

    def tick(self, now: float, late_s: float) -> None:
        """Time passes; to be called a few times a second. What goes wrong costs this session only."""
        if not self._running or self.ended.is_set():
            return
        try:
            if not self.parked and self._session.falls_silent(now):
                self.doubt()
            self._session.receive_tick(now, late_s)
            self._perform()
        except Exception:  # the caller has other sessions to tell
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        if self.parked and (now - self.stamps.alive_at) * 1000 > self._options.window_ms:
            self.finish(None)
        if self._draining and self._session.idle and not self._services.store.durable:
            self.finish(Draining())

    # --- tasks ---

    def _receive_verdict(self, check: Check, categories: tuple[str, ...]) -> None:
        self._session.receive_verdict(check, categories, time.monotonic())
        self._perform()

    def _carry_on_replying(self) -> None:
        if not self.parked:  # nobody is told of it, and how long a client may be away does not hang on it
            self.stamps.alive_at = time.monotonic()
        self._perform()

    # --- what the session asks for ---

    def _perform(self) -> None:
        for action in self._session.actions():
            match action:
                case actions.Emit(event):
                    self.tell(event)
                case actions.Decode(job):
                    decoding = decode(self._services.recognizer, job, self._session, self._perform)
                    self._spawn(decoding, "decode")
                case actions.Prewarm(messages):
                    self._spawn(self._services.responder.prewarm(messages), "prewarm")
                case actions.Respond():
                    self._moderation.receive_request(action)
                    self.replying.start(action)
                case actions.FollowErrand():
                    follows = follow(self._services.errands, action, self._session, self._perform)
                    self._spawn(follows, "errand")
                case actions.ConfirmReply():
                    self.replying.confirm()
                case actions.StopResponding():
                    self.replying.stop()
                case actions.Speak() | actions.Play() | actions.StopSpeaking():
                    self._speaking.perform(action)
                case actions.Close():
                    self._complete = True
                    if self._leave is not None:
                        self._leave(None)
                case _:
                    assert_never(action)

    def tell(self, event: events.Event) -> None:
        """Puts an event into the outbox. A client that reads too little is cut off; it may come back."""
        self._moderation.receive_event(event)
        self._services.count(event, self.name)
        try:
            self._outbox.put(event)
        except SlowConsumer as error:
            self.finish(error)
        if self._leave is not None and self._outbox.journal.crowded:
            self._leave(SlowConsumer("too much waits to be read"))
