"""One WebSocket: reads what the client sends into a session, writes what the session tells, and watches
whether anybody is still there. Leaving the task group is the whole clean-up; the close code is chosen in
one place.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from voicegw.core import events
from voicegw.core.options import option
from voicegw.dialects import native
from voicegw.errors import (
    IdleTimeout,
    InputError,
    InternalError,
    SlowConsumer,
    TakenOver,
    TooManyErrors,
    VoicegwError,
)
from voicegw.gateway.host import SessionHost
from voicegw.gateway.outbox import Reader

log = structlog.get_logger(__name__)

_FLUSH_S = 2.0
_DELIBERATE = (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What one client may cost."""

    idle_timeout_ms: int = option(300_000, "time without a message, either way, that ends a session", ge=100)
    send_timeout_ms: int = option(10_000, "time a client may take to read one message", ge=100)
    max_outbox_bytes: int = option(1_000_000, "what may wait to be read by one client", ge=10_000)
    max_errors: int = option(50, "rejected messages after which a client is disconnected", ge=1)


class Connection:
    """Joins one accepted WebSocket to its session's host. after: the last event that the client of a resumed
    session has seen."""

    def __init__(
        self,
        socket: ServerConnection,
        host: SessionHost,
        options: ConnectionOptions,
        after: int | None = None,
    ) -> None:
        self._socket = socket
        self._host = host
        self._options = options
        self._after = after
        self._rejected = 0
        self._over: asyncio.Future[VoicegwError | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serves the client until it leaves, another connection takes the session, or it ends."""
        error: VoicegwError | None = InternalError()
        reader = self._host.attach(self._leave, self._after)
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(reader), name="writer")
                others = (
                    group.create_task(self._read(), name="reader"),
                    group.create_task(self._watch(), name="watch"),
                )
                error = await self._over
                for task in others:
                    task.cancel()
                if not isinstance(error, SlowConsumer | TakenOver):
                    await self._flush(reader, writer)
                writer.cancel()
        except* Exception:
            log.exception("connection failed", session=self._host.name)
            self._host.finish(InternalError())
        finally:
            await self._close(error)
            self._host.detach(self._leave, hung_up=self._hung_up())

    def _leave(self, error: VoicegwError | None) -> None:
        """The first one to call this decides how the connection ends."""
        if not self._over.done():
            self._over.set_result(error)

    # --- tasks ---

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                self._receive(message)
        except ConnectionClosed as closed:
            log.debug("client vanished", session=self._host.name, reason=str(closed))
        self._leave(None)

    def _receive(self, message: str | bytes) -> None:
        if self._over.done():
            return
        self._host.alive_at = time.monotonic()
        try:
            if isinstance(message, str):
                self._host.receive_message()
                self._host.receive_command(native.decode(message))
            else:
                native.check_audio(message)
                self._host.receive_audio(message)
        except InputError as error:
            self._reject(error)

    def _reject(self, error: InputError) -> None:
        """A bad message is answered, and ends the session only if its class says so or it is one of many."""
        if error.close_code is not None:
            self._host.finish(error)
            return
        self._rejected += 1
        self._host.tell(events.Fault.of(error))
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
        allowed_s = self._options.idle_timeout_ms / 1000
        while True:
            left_s = self._host.alive_at + allowed_s - time.monotonic()
            if left_s <= 0:
                return self._host.finish(IdleTimeout())
            await asyncio.sleep(left_s)

    # --- the end ---

    async def _flush(self, reader: Reader, writer: asyncio.Task[None]) -> None:
        """Gives what is queued, and the reason for the end, a moment to reach a client that reads."""
        drained = asyncio.create_task(reader.drained(), name="flush")
        await asyncio.wait((drained, writer), timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()

    async def _close(self, error: VoicegwError | None) -> None:
        code = 1000 if error is None or error.close_code is None else error.close_code
        await self._socket.close(code, "" if error is None else error.code)

    def _hung_up(self) -> bool:
        """Whether the client has closed the connection on purpose, or has agreed to a normal end of it."""
        received = self._socket.protocol.close_rcvd
        return received is not None and received.code in _DELIBERATE
