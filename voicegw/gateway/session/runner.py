"""One live core session with the tasks it asks for: its decodes, its reply, its voice.

It outlives its connections. Without one it is detached, and goes on deciding for a while."""

import time
from typing import assert_never

import structlog

from voicegw.core import actions, events
from voicegw.core.commands import Acknowledge, Command, Configure, ReplyMode
from voicegw.core.moderation_queue import Check
from voicegw.core.profile import SessionProfile
from voicegw.core.responder import ReplyRequest
from voicegw.core.session_store import Fenced, StoredSession
from voicegw.errors import Draining, InternalError, Moved, SlowConsumer, TakenOver, VoicegwError
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.client import Client
from voicegw.gateway.session.driver import Driver
from voicegw.gateway.session.llm_task import LLMTask
from voicegw.gateway.session.moderation_task import Moderation
from voicegw.gateway.session.outbox import Outbox, Reader
from voicegw.gateway.session.record import RecordState, SessionRecord
from voicegw.gateway.session.tasks import Tasks
from voicegw.gateway.session.tool_call_task import follow
from voicegw.gateway.session.tts_task import TTSTask, check_voice
from voicegw.gateway.session.write_ahead import ResumeOptions, WriteAheadLog
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

log = structlog.get_logger(__name__)


class SessionRunner:
    """`limits`: what its clients are told of. `limiter`: counts what is used before a connection does.
    `error`: why the session ended, once it has; None for an end that was asked for."""

    def __init__(
        self,
        record: SessionRecord,
        services: Services,
        outbox: Outbox,
        options: ResumeOptions,
        limits: events.Limits,
        seat: Seat,
        limiter: SessionLimiter,
    ) -> None:
        self.record, self.seat = record, seat
        self.name, self.user = record.name, record.user
        self.ended = SingleWaiterEvent()
        self.error: VoicegwError | None = None
        self._session = record.session
        self._services = services
        self._options = options
        self._limits = limits
        self._outbox = outbox
        self._client: Client | None = None
        self._draining = self._running = self._complete = False
        self._tasks = Tasks()
        self._driver = driver = Driver(record.session, self._perform)
        self._recognition = services.transcription.new_executor(self._tasks.start, driver.receive_recognition)
        self._llm = LLMTask(driver, services, record.user, self._tasks.start, limiter)
        self._tts = TTSTask(driver, services.voice, services.metrics, outbox, self._tasks.start)
        self._moderation = Moderation(services.moderator, services.metrics, self._receive_verdict, self.emit)
        self.log = WriteAheadLog(record, services.store, outbox, options, self._report)

    @property
    def detached(self) -> bool:
        """Whether no connection is attached."""
        return self._client is None

    @property
    def profile(self) -> SessionProfile:
        """What the session is now."""
        return self.record.profile

    @property
    def pending(self) -> bool:
        """Whether the session is complete, but what its client has not been told waits to be saved."""
        return self._complete and not self.ended.is_set() and bool(self._outbox.journal.unsaved())

    async def run(self) -> None:
        """Carries the session until it ends; leaving the task group is the whole clean-up."""
        try:
            async with self._tasks:
                self._running = True
                self._tasks.start(self._moderation.run(), "moderation")
                if self._services.store.durable:
                    self._tasks.start(self._save(), "saver")
                self._driver.run()
                await self.ended.wait()
                self._tasks.cancel()
        except* Exception:
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        self._report_end()
        await self._llm.settle()
        if not self._lives_on:
            await self.log.drop()

    @property
    def _lives_on(self) -> bool:
        """Whether the session is over for this gateway only, and another one has it or will have."""
        return isinstance(self.error, Moved | Draining if self._services.store.durable else Moved)

    def _report_end(self) -> None:
        if not self._lives_on and self.error is not None and not isinstance(self.error, SlowConsumer):
            self._report(self.error)
        self._outbox.release(() if self._lives_on else self._outbox.journal.unsaved())
        for kind, count in self._outbox.journal.coalesced.items():
            self._services.metrics.outbox_coalesced.labels(kind).inc(count)
        self._services.metrics.session_ends.labels("done" if self.error is None else self.error.code).inc()
        if self._client is not None:
            self._client.leave(self.error)

    async def _save(self) -> None:
        try:
            await self.log.run()
        except Fenced:
            self.finish(Moved())

    def restore(self, saved: StoredSession, state: RecordState) -> None:
        """Goes on where another gateway was."""
        self.record.restore(state, saved, time.monotonic(), time.time())
        self.log.restore(saved)

    # --- connections ---

    def can_resume_after(self, seq: int) -> bool:
        """Whether a client that has seen the events up to `seq` can be given the rest."""
        return not self.ended.is_set() and self._outbox.journal.can_resume_after(seq)

    def has_told(self, seq: int) -> bool:
        """Whether there is an event of this number here."""
        return seq <= self._outbox.journal.last

    def attach(self, client: Client, after: int | None = None) -> Reader:
        """A connection takes the session, from another one that has it, and reads what there is to tell.
        after: the last event that a returning client has seen."""
        if self._client is not None:
            self._client.leave(TakenOver())
        self._client, now = client, time.monotonic()
        self._llm.limiter = client.limiter
        self.seat.waits_since = None
        profile = self.record.profile
        samples, messages = self._session.next_input_sample, self._session.messages_taken
        reader = self._outbox.reader(after or 0, events.AudioAcknowledged(samples, messages))
        self.emit(
            events.SessionReady(
                self.name,
                self.log.epoch,
                after is not None,
                samples,
                self._limits,
                messages,
                not self.user,
                events.AudioShape(profile.audio_format, profile.rate) if profile.speaks else None,
            )
        )
        self.record.activity.alive_at = now
        if after is not None:
            self._session.receive_reconnect(now)
        if self._complete:
            client.leave(None)
        return reader

    def detach(self, client: Client, *, for_good: bool) -> None:
        """The connection is closed. `for_good`: its client will not be back; any other may be."""
        if self._client is not client:
            return
        self._client = None
        self.seat.wait()
        if for_good or not self._options.window_ms:
            self.finish(None)
        if self._draining and self._services.store.durable:
            self.finish(Draining())
        self.record.activity.alive_at = time.monotonic()
        self._session.receive_disconnect()

    # --- what comes in ---

    def receive_message(self) -> None:
        """A text message is here, good or bad; its number tells where a client that was cut off goes on."""
        self._session.messages_taken += 1

    def receive_audio(self, data: bytes) -> None:
        """A piece of the client's audio. Raises InputError, using none of it."""
        if not self.ended.is_set():
            self._driver.receive(self._session.receive_audio, data, time.monotonic())

    def receive_command(self, command: Command) -> None:
        """What the client asks for. Raises InputError or RateLimited, changing nothing."""
        self._moderation.receive_command(command)
        if isinstance(command, Acknowledge):
            self._outbox.journal.acknowledge(command.seq)
        if isinstance(command, Configure) and command.reply is ReplyMode.AUDIO:
            check_voice(self._services.voice)
        if not self.ended.is_set():
            self._driver.receive(self._session.receive_command, command, time.monotonic())

    def configure(self, command: Configure) -> None:
        """The session's profile is to be so, whatever its client wants. Raises InvalidValue."""
        self._session.configure(command)

    def receive_sign(self) -> None:
        """The client is there, though it sends no audio."""
        self._session.liveness.receive_probe_answer()

    def drain(self, retry_after_ms: int) -> None:
        """Tells the client to move on. With a store that outlives this gateway it does so at once and finds
        its session there; otherwise the session ends at its next quiet moment."""
        if self._draining:
            return
        self._draining = True
        if not self._services.store.durable:
            self.emit(events.GoingAway(retry_after_ms))
        elif self._client is None:
            self.finish(Draining())
        else:
            self.emit(events.GoingAway(retry_after_ms=0))
            self._client.leave(Draining())

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
            if self._client is not None and self._session.probe_due(now):
                self._client.check_alive()
            self._driver.receive(self._session.receive_tick, now, late_s)
        except Exception:  # the caller has other sessions to tell
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        if self.detached and (now - self.record.activity.alive_at) * 1000 > self._options.window_ms:
            self.finish(None)
        if self._draining and self._session.idle and not self._services.store.durable:
            self.finish(Draining())

    # --- what the session asks for ---

    def _perform(self, action: actions.Action) -> None:
        match action:
            case actions.SendEvent(event):
                self._touch(replies=isinstance(event, events.ReplyEvent))
                self.emit(event)
            case actions.Recognize(request):
                self._recognition.execute(request)
            case actions.Prewarm(messages, tools):
                request = ReplyRequest(messages, tools)
                self._tasks.start(self._services.responder.prewarm(request), "prewarm")
            case actions.Respond():
                self._moderation.receive_request(action)
                self._llm.start(action)
            case actions.FollowBackgroundCall():
                self._tasks.start(follow(self._services.background_calls, action, self._driver), "tool call")
            case actions.ConfirmReply():
                self._llm.confirm()
            case actions.StopResponding():
                self._llm.stop()
            case actions.Speak() | actions.Play() | actions.StopSpeaking():
                self._touch(replies=True)
                self._tts.perform(action)
            case actions.Close():
                self._complete = True
                if self._client is not None:
                    self._client.leave(None)
            case _:
                assert_never(action)

    def _touch(self, *, replies: bool) -> None:
        """A client that is being replied to is not idle. Without a client, nobody is replied to, and how long
        it may be away does not hang on it."""
        if replies and not self.detached:
            self.record.activity.alive_at = time.monotonic()

    def _receive_verdict(self, check: Check, categories: tuple[str, ...]) -> None:
        self._driver.receive(self._session.dialogue.receive_verdict, check, categories, time.monotonic())

    def _report(self, error: VoicegwError) -> None:
        self.emit(events.Fault.of(error))

    def emit(self, event: events.Event) -> None:
        """Puts an event into the outbox. A client that reads too little is cut off; it may come back."""
        self._moderation.receive_event(event)
        self._services.count(event, self.name)
        try:
            self._outbox.put(event)
        except SlowConsumer as error:
            self.finish(error)
        if self._client is not None and self._outbox.journal.overloaded:
            self._client.leave(SlowConsumer("too much waits to be read"))
