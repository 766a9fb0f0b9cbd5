"""Runs one core session with its tasks: recognition, LLM, TTS, moderation, write-ahead log.

A session outlives its connections. Without one it is detached, and continues for a limited time."""

import time
from typing import assert_never

import structlog

from voicegw.core import actions, events
from voicegw.core.commands import Acknowledge, Command, Configure, CreateReply, ReplyMode
from voicegw.core.moderation_queue import Check
from voicegw.core.responder import ReplyRequest
from voicegw.core.session_store import Fenced, StoredSession
from voicegw.dialects.port import Codec
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
from voicegw.gateway.session.session_trace import SessionTrace
from voicegw.gateway.session.tasks import Tasks
from voicegw.gateway.session.tool_call_task import follow
from voicegw.gateway.session.tts_task import TTSTask, check_voice
from voicegw.gateway.session.write_ahead import ResumeOptions, WriteAheadLog
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

log = structlog.get_logger(__name__)


class SessionRunner:
    """Owns the tasks of a session and connects it to its client.

    limits: sent to clients in `ready`. limiter: counts use until a connection attaches. error: why the
    session ended; None for a requested end.
    """

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
        self.outbox, self.journal, self.traffic = outbox, outbox.journal, services.metrics.traffic
        self.ended = SingleWaiterEvent()
        self.error: VoicegwError | None = None
        self._session = record.session
        self._services = services
        self._options = options
        self._limits = limits
        self._client: Client | None = None
        self._codec: Codec | None = None  # of the latest connection
        self._missed = 0  # the last event that its client had missed, and may need time to read
        self._draining = self._running = self._complete = False
        self._tasks = Tasks()
        self._trace = SessionTrace(record.name, record.dialect, with_text=services.traced_text)
        self._driver = driver = Driver(record.session, self._trace.around(self._perform))
        self._recognition = services.transcription.new_executor(self._tasks.start, driver.receive_recognition)
        self._llm = LLMTask(driver, services, record.user, self._tasks.start, limiter, outbox.saved)
        self._tts = TTSTask(driver, services.voice, services.metrics, outbox, self._tasks.start)
        self._moderation = Moderation(services.moderator, services.metrics, self._receive_verdict, self.emit)
        self.log = WriteAheadLog(record, services.store, outbox, options, self._report)

    @property
    def detached(self) -> bool:
        """Whether no connection is attached."""
        return self._client is None

    @property
    def pending(self) -> bool:
        """Whether the session is complete, but its last events still wait to be saved and sent."""
        return self._complete and not self.ended.is_set() and bool(self.journal.unsaved())

    async def run(self) -> None:
        """Runs the session until it ends; leaving the task group is the whole clean-up."""
        try:
            async with self._tasks:
                self._running = True
                self._tasks.start(self._moderation.run(), "moderation")
                if self._services.store.durable:
                    self._tasks.start(self._save(), "write-ahead log")
                self._driver.run()
                await self.ended.wait()
                self._tasks.cancel()
        except* Exception:
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        self._report_end()
        self._trace.end(None if self.error is None else self.error.code)
        await self._llm.report_use()
        if not self._held_elsewhere:
            await self.log.drop()

    @property
    def _held_elsewhere(self) -> bool:
        """Whether the session ends in this gateway only, and continues in another one."""
        return isinstance(self.error, Moved | Draining if self._services.store.durable else Moved)

    def _report_end(self) -> None:
        if not self._held_elsewhere and self.error is not None and not isinstance(self.error, SlowConsumer):
            self._report(self.error)
        self.outbox.release(() if self._held_elsewhere else self.journal.unsaved())
        self._services.metrics.session_ends.labels("done" if self.error is None else self.error.code).inc()
        if self._client is not None:
            self._client.end(self.error)

    async def _save(self) -> None:
        try:
            await self.log.run()
        except Fenced:
            self.finish(Moved())

    def restore(self, saved: StoredSession, state: RecordState) -> None:
        """Restores the state that another gateway saved."""
        self.record.restore(state, saved, time.monotonic(), time.time())
        self.log.restore(saved)

    # --- connections ---

    def attach(self, client: Client, after: int | None = None) -> Reader:
        """Attaches a connection, in place of the current one; returns the reader of its events. after: the
        last event that a reconnecting client has received; None for a new session."""
        if self._client is not None:
            self._client.end(TakenOver())
        if self._codec is not None:
            client.codec.continue_from(self._codec)
        self._client, self._codec, now = client, client.codec, time.monotonic()
        self._llm.limiter = client.limiter
        self.seat.detached_since = None
        profile = self.record.profile
        samples, messages = self._session.next_input_sample, self._session.messages_taken
        self._missed = self.journal.last
        reader = self.outbox.reader(after or 0, events.AudioAcknowledged(samples, messages))
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
        self.record.alive_at = now
        if after is not None:
            self._session.receive_reconnect(now)
        else:
            self._session.greet(now)
            if self._running:
                self._driver.run()
        if self._complete:
            client.end(None)
        return reader

    def detach(self, client: Client, *, permanent: bool) -> None:
        """Detaches a closed connection. permanent: its client will not resume the session."""
        if self._client is not client:
            return
        self._client = None
        self.seat.mark_detached()
        if permanent or not self._options.window_ms:
            self.finish(None)
        if self._draining and self._services.store.durable:
            self.finish(Draining())
        self.record.alive_at = time.monotonic()
        self._session.receive_disconnect()

    # --- input ---

    def receive_message(self) -> None:
        """Counts a text message, valid or not, so that a client that reconnects knows which ones arrived."""
        self._session.messages_taken += 1

    def receive_audio(self, data: bytes, now: float) -> None:
        """Passes audio that arrived at `now` to the session. Raises InputError, and then uses none of it."""
        if not self.ended.is_set():
            self._driver.receive_audio(data, now)

    def receive_command(self, command: Command) -> None:
        """Passes a command to the session. Raises InputError or RateLimited, and then changes nothing."""
        self._moderation.receive_command(command)
        if isinstance(command, Acknowledge):
            self.journal.acknowledge(command.seq)
        if isinstance(command, Configure | CreateReply) and command.reply is ReplyMode.AUDIO:
            check_voice(self._services.voice)
        if not self.ended.is_set():
            self._driver.receive(self._session.receive_command, command, time.monotonic())

    def configure(self, command: Configure) -> None:
        """Sets properties of the session that its token fixes. Raises InvalidValue."""
        self._session.configure(command)

    def receive_probe_answer(self) -> None:
        """The client has answered a probe: it is connected, although it sends no audio."""
        self._session.liveness.receive_probe_answer()

    def drain(self, retry_after_ms: int) -> None:
        """Tells the client to reconnect elsewhere. With a durable store it does so at once and resumes its
        session in another gateway; otherwise the session ends when it is next idle."""
        if self._draining:
            return
        self._draining = True
        if not self._services.store.durable:
            self.emit(events.GoingAway(retry_after_ms))
        elif self._client is None:
            self.finish(Draining())
        else:
            self.emit(events.GoingAway(retry_after_ms=0))
            self._client.end(Draining())

    def finish(self, error: VoicegwError | None) -> None:
        """Ends the session; the first call determines the error."""
        if not self.ended.is_set():
            self.error = error
            self.ended.set()

    def tick(self, now: float, late_s: float) -> None:
        """Passes the time to the session, a few times a second. An exception ends this session only."""
        if not self._running or self.ended.is_set():
            return
        try:
            if self._client is not None and self._session.probe_due(now):
                self._client.probe()
            self._driver.receive(self._session.receive_tick, now, late_s)
        except Exception:  # the caller must still reach the other sessions
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        if self.detached and (now - self.record.alive_at) * 1000 > self._options.window_ms:
            self.finish(None)
        if self._draining and self._session.idle and not self._services.store.durable:
            self.finish(Draining())

    # --- actions of the session ---

    def _perform(self, action: actions.Action) -> None:
        match action:
            case actions.SendEvent(event):
                self._mark_active(replies=isinstance(event, events.ReplyEvent))
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
            case actions.Speak() | actions.Play() | actions.PauseSpeaking() | actions.StopSpeaking():
                self._mark_active(replies=True)
                self._tts.perform(action)
            case actions.Close():
                self._complete = True
                if self._client is not None:
                    self._client.end(None)
            case _:
                assert_never(action)

    def _mark_active(self, *, replies: bool) -> None:
        """Counts a reply as activity of the client. Not without a client: the time that it may stay away does
        not depend on replies."""
        if replies and not self.detached:
            self.record.alive_at = time.monotonic()

    def _receive_verdict(self, check: Check, categories: tuple[str, ...]) -> None:
        self._driver.receive(self._session.dialogue.receive_verdict, check, categories, time.monotonic())

    def _report(self, error: VoicegwError) -> None:
        self.emit(events.Fault.of(error))

    def emit(self, event: events.Event) -> None:
        """Puts an event into the outbox. Disconnects a client that reads too slowly; it may reconnect."""
        self._moderation.receive_event(event)
        self._services.count(event, self.name)
        try:
            replaced = self.outbox.put(event)
            if replaced is not None:
                self._services.metrics.outbox_coalesced.labels(replaced).inc()
        except SlowConsumer as error:
            self.finish(error)
        if self._client is not None and self.journal.overloaded and self.outbox.position >= self._missed:
            self._client.end(SlowConsumer("too many bytes wait to be read"))
