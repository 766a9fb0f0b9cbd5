"""One WebSocket around one core session: a reader, a writer, a ticker, and tasks for what the session
asks for. Leaving the task group is the whole clean-up; the close code is chosen in one place.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from voicegw.core import events
from voicegw.core.dialogue import Responder
from voicegw.core.jobs import DecodeJob, Overtaken, Recognizer, Shed
from voicegw.core.options import option
from voicegw.core.session import Session
from voicegw.dialects import native
from voicegw.errors import (
    Draining,
    IdleTimeout,
    InputError,
    InternalError,
    RecognitionFailed,
    ReplyError,
    SlowConsumer,
    TooManyErrors,
    VoicegwError,
)
from voicegw.gateway.outbox import Outbox
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_TICK_S = 0.1
_FLUSH_S = 2.0


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What one client may cost."""

    idle_timeout_ms: int = option(300_000, "time without a message, either way, that ends a session", ge=100)
    send_timeout_ms: int = option(10_000, "time a client may take to read one message", ge=100)
    max_outbox_bytes: int = option(1_000_000, "what may wait to be read by one client", ge=10_000)
    max_errors: int = option(50, "rejected messages after which a client is disconnected", ge=1)


@dataclass(frozen=True, slots=True)
class Services:
    """What every session uses: the ports of the core, and the metrics."""

    recognizer: Recognizer
    responder: Responder
    metrics: Metrics


class Connection:
    """Runs one session over one accepted WebSocket."""

    def __init__(
        self,
        socket: ServerConnection,
        session: Session,
        services: Services,
        options: ConnectionOptions,
        ready: events.SessionReady,
    ) -> None:
        self._socket = socket
        self._session = session
        self._services = services
        self._options = options
        self._outbox = Outbox(native.encode, options.max_outbox_bytes)
        self._over: asyncio.Future[VoicegwError | None] = asyncio.get_running_loop().create_future()
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reply: asyncio.Task[None] | None = None
        self._rejected = 0
        self._alive_at = time.monotonic()
        self._draining = False
        self._tell(ready)

    async def run(self) -> None:
        """Serves the client until it leaves, the session ends, or an error ends it."""
        error: VoicegwError | None = InternalError()
        try:
            async with self._group:
                writer = self._group.create_task(self._write(), name="writer")
                self._spawn(self._read(), "reader")
                self._spawn(self._tick(), "ticker")
                error = await self._over
                for task in tuple(self._tasks):
                    task.cancel()
                await self._flush(error, writer)
                writer.cancel()
        except* Exception:
            log.exception("session failed", session=self._session.name)
        finally:
            self._services.metrics.outbox_coalesced.inc(self._outbox.coalesced)
            self._services.metrics.session_ends.labels("done" if error is None else error.code).inc()
            await self._close(error)

    def drain(self, retry_after_ms: int) -> None:
        """Tells the client to move on; the session ends at its next quiet moment."""
        if not self._draining:
            self._draining = True
            self._tell(events.GoingAway(retry_after_ms))

    def abort(self, error: VoicegwError) -> None:
        """Ends the session now."""
        self._finish(error)

    # --- tasks ---

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                self._receive(message)
        except ConnectionClosed as closed:
            log.debug("client vanished", session=self._session.name, reason=str(closed))
        self._finish(None)

    def _receive(self, message: str | bytes) -> None:
        now = self._alive_at = time.monotonic()
        try:
            if isinstance(message, str):
                self._session.receive_command(native.decode(message), now)
            else:
                native.check_audio(message)
                self._session.receive_audio(message, now)
        except InputError as error:
            self._reject(error)
        self._perform()

    def _reject(self, error: InputError) -> None:
        """A bad message is answered, and ends the session only if its class says so or it is one of many."""
        if error.close_code is not None:
            self._finish(error)
            return
        self._rejected += 1
        self._tell(events.Fault.of(error))
        if self._rejected > self._options.max_errors:
            self._finish(TooManyErrors())

    async def _write(self) -> None:
        try:
            while True:
                message = await self._outbox.get()
                async with asyncio.timeout(self._options.send_timeout_ms / 1000):
                    await self._socket.send(message, text=True)
                self._outbox.sent()
        except TimeoutError:
            self._finish(SlowConsumer(f"one message took over {self._options.send_timeout_ms} ms to send"))
        except ConnectionClosed:
            self._finish(None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            self._session.receive_tick(now)
            self._perform()
            if self._draining and self._session.idle:
                self._finish(Draining())
            if (now - self._alive_at) * 1000 >= self._options.idle_timeout_ms:
                self._finish(IdleTimeout())

    async def _decode(self, job: DecodeJob) -> None:
        try:
            result = await self._services.recognizer.recognize(job)
        except (RecognitionFailed, Overtaken, Shed):
            self._session.receive_failure(job.number, time.monotonic())
        else:
            self._session.receive_result(result, time.monotonic())
        self._perform()

    async def _respond(self, request: events.Respond) -> None:
        error: VoicegwError | None = None
        try:
            async with aclosing(self._services.responder.respond(request.messages)) as pieces:
                async for piece in pieces:
                    self._alive_at = time.monotonic()
                    self._session.receive_reply_piece(request.turn, piece, self._alive_at)
                    self._perform()
        except ReplyError as failure:
            error = failure
        except Exception:  # a broken responder costs its reply, not the session
            log.exception("responder failed", session=self._session.name)
            error = InternalError("the responder failed")
        self._session.receive_reply_end(request.turn, error, time.monotonic())
        self._perform()

    # --- what the session asks for ---

    def _perform(self) -> None:
        for action in self._session.actions():
            match action:
                case events.Emit(event):
                    self._tell(event)
                case events.Decode(job):
                    self._spawn(self._decode(job), "decode")
                case events.Respond():
                    self._reply = self._spawn(self._respond(action), "reply")
                case events.StopResponding() if self._reply is not None:
                    self._reply.cancel()
                case events.Close():
                    self._finish(None)

    def _tell(self, event: events.Event) -> None:
        match event:
            case events.TurnLatency():
                self._services.metrics.observe_turn(event)
            case events.Fault(code):
                self._services.metrics.faults.labels(code).inc()
        try:
            self._outbox.put(event)
        except SlowConsumer as error:
            self._finish(error)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that ends with the session."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- the end ---

    def _finish(self, error: VoicegwError | None) -> None:
        """The first one to call this decides how the session ends."""
        if not self._over.done():
            self._over.set_result(error)

    async def _flush(self, error: VoicegwError | None, writer: asyncio.Task[None]) -> None:
        """Gives what is queued, and the reason for the end, a moment to reach a client that reads."""
        if isinstance(error, SlowConsumer):
            return
        if error is not None:
            self._tell(events.Fault.of(error))
        drained = self._group.create_task(self._outbox.drained(), name="flush")
        await asyncio.wait((drained, writer), timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()

    async def _close(self, error: VoicegwError | None) -> None:
        code = 1000 if error is None or error.close_code is None else error.close_code
        await self._socket.close(code, "" if error is None else error.code)
