"""One WebSocket: reads what the client sends into a session, writes what the session tells, and watches
whether anybody is still there and may stay. Leaving the task group is the whole clean-up; the close code is
chosen in one place.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from voicegw.core import events
from voicegw.core.commands import Command, Refresh
from voicegw.core.options import option
from voicegw.dialects import native
from voicegw.errors import (
    InputError,
    InternalError,
    InvalidState,
    LimitError,
    Moved,
    OddByteCount,
    RateLimited,
    SlowConsumer,
    StoreUnavailable,
    TakenOver,
    TooManyErrors,
    Unresponsive,
    VoicegwError,
)
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.liveness import Lifetime, LivenessOptions
from voicegw.gateway.session.outbox import Reader
from voicegw.gateway.session.runner import SessionRunner

log = structlog.get_logger(__name__)

_FLUSH_S = 2.0
_MESSAGES_IN_A_ROW = 16  # before others have their turn
_DELIBERATE = (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD)


@dataclass(frozen=True, slots=True)
class ConnectionOptions(LivenessOptions):
    """What one client may cost, and for how long."""

    send_timeout_ms: int = option(10_000, "time a client may take to read one message", ge=100)
    max_outbox_bytes: int = option(1_000_000, "what may wait to be read by one client", ge=10_000)
    max_errors: int = option(50, "rejected messages after which a client is disconnected", ge=1)


class Connection:
    """Joins one accepted WebSocket to its session's host. after: the last event that the client of a resumed
    session has seen."""

    def __init__(
        self,
        socket: ServerConnection,
        host: SessionRunner,
        visit: ConnectionContext,
        options: ConnectionOptions,
        after: int | None = None,
    ) -> None:
        self._socket = socket
        self._host = host
        self._visit = visit
        self._options = options
        self._after = after
        self._rejected = 0
        self._heard_at = time.monotonic()
        self._group = asyncio.TaskGroup()
        self._renewal: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._over: asyncio.Future[VoicegwError | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serves the client until it leaves, another connection takes the session, or it ends."""
        error: VoicegwError | None = InternalError()
        try:
            async with self._group as group:
                reader = self._host.attach(self._leave, self._after)
                self._host.doubt = self._doubt
                self._host.replying.meter = self._visit.meter
                writer = group.create_task(self._write(reader), name="writer")
                others = [group.create_task(work, name=name) for name, work in self._work().items()]
                error = await self._over
                for task in (*others, *filter(None, [self._renewal, self._asking])):
                    task.cancel()
                if not isinstance(error, SlowConsumer | TakenOver | Unresponsive | Moved):
                    await self._flush(reader, writer)
                writer.cancel()
        except* Exception:
            log.exception("connection failed", session=self._host.name)
            self._host.finish(InternalError())
        finally:
            if error is not None:
                log.info("connection ended", session=self._host.name, code=error.code, reason=error.message)
            await self._close(error)
            self._host.detach(self._leave, hung_up=self._hung_up())
            await self._visit.meter.settle(time.monotonic())

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What goes on beside the writer."""
        work = {"reader": self._read(), "watch": self._watch(), "probe": self._probe()}
        return work | ({"settle": self._settle()} if self._visit.meter.shared else {})

    def _leave(self, error: VoicegwError | None) -> None:
        """The first one to call this decides how the connection ends."""
        if not self._over.done():
            self._over.set_result(error)

    # --- tasks ---

    async def _read(self) -> None:
        await self._visit.meter.begin(time.monotonic())
        in_a_row = 0
        try:
            async for message in self._socket:
                if len(message) > self._visit.piece_bytes and isinstance(message, bytes):
                    await self._receive_long(message)
                else:
                    self._receive(message)
                in_a_row = (in_a_row + 1) % _MESSAGES_IN_A_ROW
                if not in_a_row:  # of small ones very many may be here already, without a wait between them
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            log.debug("client vanished", session=self._host.name, reason=str(closed))
        self._leave(None)

    async def _receive_long(self, audio: bytes) -> None:
        """Takes in much audio piece by piece, so that other sessions have their turn in between."""
        size = self._visit.piece_bytes
        try:
            native.check_audio(audio)
            if len(audio) % self._visit.sample_bytes:
                raise OddByteCount
        except InputError as error:
            self._reject(error)
        else:
            for begin in range(0, len(audio), size):
                self._receive(audio[begin : begin + size])
                await asyncio.sleep(0)

    def _receive(self, message: str | bytes) -> None:
        if self._over.done():
            return
        now = self._heard_at = time.monotonic()
        self._host.stamps.alive_at = now
        try:
            if isinstance(message, str):
                self._host.receive_message()
                if self._visit.meter.admit_message(now):
                    self._obey(native.decode(message))
            else:
                native.check_audio(message)
                self._hear(message, now)
        except (InputError, LimitError) as error:
            self._reject(error)

    def _obey(self, command: Command) -> None:
        self._visit.check(command, self._host.parameters.reply)
        match command:
            case Refresh(token):
                if self._renewal is not None and not self._renewal.done():
                    raise InvalidState("another token is being looked at")
                self._renewal = self._group.create_task(self._renew(token), name="renewal")
            case _:
                self._host.receive_command(command)

    def _hear(self, audio: bytes, now: float) -> None:
        """Audio over a limit is heard as silence: positions stay what they are for both sides."""
        if not audio:
            raise OddByteCount("an empty frame")
        try:
            allowed = self._visit.meter.admit_audio(len(audio), now)
        except RateLimited as error:
            allowed = False
            self._reject(error)
        self._host.receive_audio(audio if allowed else self._visit.silence * len(audio))

    async def _renew(self, token: str) -> None:
        try:
            ttl_ms = await self._visit.renew(token, lambda: self._host.parameters)
            self._host.tell(events.Refreshed(ttl_ms))
        except (InputError, StoreUnavailable) as error:
            self._complain(error)

    def _reject(self, error: InputError | LimitError) -> None:
        """What is not accepted is answered, and ends the session if its class says so."""
        if error.close_code is not None:
            self._host.finish(error)
        else:
            self._complain(error)

    def _complain(self, error: VoicegwError) -> None:
        """Says what was wrong, so many times and no more."""
        self._host.tell(events.Fault.of(error))
        self._rejected += isinstance(error, InputError)
        if self._rejected > self._options.max_errors:
            self._host.finish(TooManyErrors())

    async def _write(self, reader: Reader) -> None:
        try:
            while True:
                frame = await reader.get()
                async with asyncio.timeout(self._options.send_timeout_ms / 1000):
                    await self._socket.send(frame.data, text=frame.text)
                reader.sent()
        except TimeoutError:
            late = SlowConsumer(f"one message took over {self._options.send_timeout_ms} ms to send")
            self._leave(late)
        except ConnectionClosed:
            self._leave(None)

    async def _watch(self) -> None:
        """Ends a session whose time is up, and says so before."""
        lifetime = Lifetime(self._options, self._host.stamps.opened_at, self._visit.session_ttl_s)
        while True:
            try:
                now = time.monotonic()
                for ending in lifetime.check(
                    now, self._host.stamps.alive_at, self._visit.identity.expires_at
                ):
                    self._host.tell(ending)
            except InputError as error:
                return self._host.finish(error)
            await asyncio.sleep(lifetime.next_check() - now)

    async def _probe(self) -> None:
        """Asks a client that is silent whether it is still there; any frame of its counts as an answer."""
        allowed_s = self._options.ping_timeout_ms / 1000
        while True:
            await asyncio.sleep(self._heard_at + self._options.ping_interval_ms / 1000 - time.monotonic())
            asked_at = time.monotonic()
            if asked_at < self._heard_at + self._options.ping_interval_ms / 1000:
                continue
            try:
                async with asyncio.timeout(allowed_s):
                    await (await self._socket.ping())
                    self._heard_at = time.monotonic()
            except TimeoutError:
                if self._heard_at < asked_at:
                    return self._leave(Unresponsive())
            except ConnectionClosed:
                return None

    def _doubt(self) -> None:
        """No audio comes in mid-word: has the client stopped sending, or has the network? A question that is
        not answered yet is not asked again."""
        if not self._over.done() and (self._asking is None or self._asking.done()):
            self._asking = self._group.create_task(self._ask(), name="ask")

    async def _ask(self) -> None:
        with suppress(ConnectionClosed):
            await (await self._socket.ping())
            self._host.receive_sign()

    async def _settle(self) -> None:
        """Reports what is used, block by block."""
        while True:
            await self._visit.meter.due.wait()
            await self._visit.meter.settle(time.monotonic())

    # --- the end ---

    async def _flush(self, reader: Reader, writer: asyncio.Task[None]) -> None:
        """Gives what is queued, and the reason for the end, a moment to reach a client that reads; the rest
        of a complete session gets that moment once it is saved, because nobody comes back for it."""
        drained = asyncio.create_task(reader.drained(), name="flush")
        owing, done = True, set[asyncio.Task[None]]()
        while owing and not done:
            owing = self._host.owing
            done, _ = await asyncio.wait(
                (drained, writer), timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED
            )
        drained.cancel()

    async def _close(self, error: VoicegwError | None) -> None:
        code = 1000 if error is None or error.close_code is None else error.close_code
        await self._socket.close(code, "" if error is None else error.code)

    def _hung_up(self) -> bool:
        """Whether the client has closed the connection on purpose, or has agreed to a normal end of it."""
        received = self._socket.protocol.close_rcvd
        return received is not None and received.code in _DELIBERATE
