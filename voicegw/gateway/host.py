"""One live core session with the tasks it asks for: a ticker, its decodes, its reply.

A host knows no socket. What it has to tell goes into its outbox; whoever holds the socket takes it from
there, hands in what the client sends, and learns from `ended` when the session is over.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog

from voicegw.core import actions, events
from voicegw.core.commands import Command
from voicegw.core.dialogue import Responder
from voicegw.core.jobs import DecodeJob, Overtaken, Recognizer, Shed
from voicegw.core.session import Session
from voicegw.errors import (
    Draining,
    InternalError,
    RecognitionFailed,
    ReplyError,
    SlowConsumer,
    VoicegwError,
)
from voicegw.gateway.outbox import Outbox
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Services:
    """What every session uses: the ports of the core, and the metrics."""

    recognizer: Recognizer
    responder: Responder
    metrics: Metrics
    check_model: Callable[[], str] = lambda: ""  # a remark for the readiness page, or raises NotReady


class SessionHost:
    """`alive_at`: monotonic second of the last message, either way. `error`: why the session ended, once it
    has; None for an end that was asked for."""

    def __init__(
        self, session: Session, services: Services, outbox: Outbox, ready: events.SessionReady
    ) -> None:
        self.outbox = outbox
        self.ended = asyncio.Event()
        self.error: VoicegwError | None = None
        self.alive_at = time.monotonic()
        self._session = session
        self._services = services
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reply: asyncio.Task[None] | None = None
        self._confirmed = asyncio.Event()
        self._draining = False
        self.tell(ready)

    @property
    def name(self) -> str:
        return self._session.name

    async def run(self) -> None:
        """Carries the session until it ends; leaving the task group is the whole clean-up."""
        try:
            async with self._group:
                self._spawn(self._tick(), "ticker")
                await self.ended.wait()
                for task in tuple(self._tasks):
                    task.cancel()
        except* Exception:
            log.exception("session failed", session=self.name)
            self.finish(InternalError())
        if self.error is not None and not isinstance(self.error, SlowConsumer):
            self.tell(events.Fault.of(self.error))
        self._services.metrics.outbox_coalesced.inc(self.outbox.coalesced)
        self._services.metrics.session_ends.labels("done" if self.error is None else self.error.code).inc()

    # --- what comes in ---

    def receive_audio(self, data: bytes) -> None:
        """A piece of the client's audio. Raises InputError, using none of it."""
        if not self.ended.is_set():
            self._session.receive_audio(data, time.monotonic())
            self._perform()

    def receive_command(self, command: Command) -> None:
        """What the client asks for. Raises InputError, changing nothing."""
        if not self.ended.is_set():
            self._session.receive_command(command, time.monotonic())
            self._perform()

    def drain(self, retry_after_ms: int) -> None:
        """Tells the client to move on; the session ends at its next quiet moment."""
        if not self._draining:
            self._draining = True
            self.tell(events.GoingAway(retry_after_ms))

    def finish(self, error: VoicegwError | None) -> None:
        """Ends the session; the first one to call this decides why."""
        if not self.ended.is_set():
            self.error = error
            self.ended.set()

    # --- tasks ---

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._session.receive_tick(time.monotonic())
            self._perform()
            if self._draining and self._session.idle:
                self.finish(Draining())

    async def _decode(self, job: DecodeJob) -> None:
        try:
            result = await self._services.recognizer.recognize(job)
        except (RecognitionFailed, Overtaken, Shed):
            self._session.receive_failure(job.number, time.monotonic())
        else:
            self._session.receive_result(result, time.monotonic())
        self._perform()

    async def _respond(self, request: actions.Respond, confirmed: asyncio.Event) -> None:
        error: VoicegwError | None = None
        try:
            async with aclosing(self._services.responder.respond(request.messages, confirmed)) as pieces:
                async for piece in pieces:
                    self.alive_at = time.monotonic()
                    self._session.receive_reply_piece(request.attempt, piece, self.alive_at)
                    self._perform()
        except ReplyError as failure:
            error = failure
        except Exception:  # a broken responder costs its reply, not the session
            log.exception("responder failed", session=self.name)
            error = InternalError("the responder failed")
        self._session.receive_reply_end(request.attempt, error, time.monotonic())
        self._perform()

    # --- what the session asks for ---

    def _perform(self) -> None:
        for action in self._session.actions():
            match action:
                case actions.Emit(event):
                    self.tell(event)
                case actions.Decode(job):
                    self._spawn(self._decode(job), "decode")
                case actions.Prewarm(messages):
                    self._spawn(self._services.responder.prewarm(messages), "prewarm")
                case actions.Respond():
                    self._start_reply(action)
                case actions.ConfirmReply():
                    self._confirmed.set()
                case actions.StopResponding() if self._reply is not None:
                    self._reply.cancel()
                case actions.Close():
                    self.finish(None)

    def _start_reply(self, request: actions.Respond) -> None:
        self._confirmed = asyncio.Event()
        if not request.speculative:
            self._confirmed.set()
        self._reply = self._spawn(self._respond(request, self._confirmed), "reply")

    def tell(self, event: events.Event) -> None:
        """Queues an event for the client; one that reads too little ends the session."""
        match event:
            case events.TurnLatency():
                self._services.metrics.observe_turn(event)
            case events.Fault(code):
                self._services.metrics.faults.labels(code).inc()
        try:
            self.outbox.put(event)
        except SlowConsumer as error:
            self.finish(error)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that ends with the session."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
