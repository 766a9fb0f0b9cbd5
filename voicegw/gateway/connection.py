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

from voicegw.core import events
from voicegw.core.options import option
from voicegw.dialects import native
from voicegw.errors import IdleTimeout, InputError, InternalError, SlowConsumer, TooManyErrors, VoicegwError
from voicegw.gateway.host import SessionHost

log = structlog.get_logger(__name__)

_FLUSH_S = 2.0


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What one client may cost."""

    idle_timeout_ms: int = option(300_000, "time without a message, either way, that ends a session", ge=100)
    send_timeout_ms: int = option(10_000, "time a client may take to read one message", ge=100)
    max_outbox_bytes: int = option(1_000_000, "what may wait to be read by one client", ge=10_000)
    max_errors: int = option(50, "rejected messages after which a client is disconnected", ge=1)


class Connection:
    """Joins one accepted WebSocket to its session's host."""

    def __init__(self, socket: ServerConnection, host: SessionHost, options: ConnectionOptions) -> None:
        self._socket = socket
        self._host = host
        self._options = options
        self._rejected = 0

    async def run(self) -> None:
        """Serves the client until it leaves, the session ends, or an error ends it."""
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(), name="writer")
                others = (
                    group.create_task(self._read(), name="reader"),
                    group.create_task(self._watch(), name="watch"),
                )
                await self._host.run()
                for task in others:
                    task.cancel()
                await self._flush(writer)
                writer.cancel()
        except* Exception:
            log.exception("connection failed", session=self._host.name)
            self._host.finish(InternalError())
        finally:
            await self._close(self._host.error)

    # --- tasks ---

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                self._receive(message)
        except ConnectionClosed as closed:
            log.debug("client vanished", session=self._host.name, reason=str(closed))
        self._host.finish(None)

    def _receive(self, message: str | bytes) -> None:
        self._host.alive_at = time.monotonic()
        try:
            if isinstance(message, str):
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

    async def _write(self) -> None:
        outbox = self._host.outbox
        try:
            while True:
                message = await outbox.get()
                async with asyncio.timeout(self._options.send_timeout_ms / 1000):
                    await self._socket.send(message, text=True)
                outbox.sent()
        except TimeoutError:
            late = SlowConsumer(f"one message took over {self._options.send_timeout_ms} ms to send")
            self._host.finish(late)
        except ConnectionClosed:
            self._host.finish(None)

    async def _watch(self) -> None:
        allowed_s = self._options.idle_timeout_ms / 1000
        while True:
            left_s = self._host.alive_at + allowed_s - time.monotonic()
            if left_s <= 0:
                return self._host.finish(IdleTimeout())
            await asyncio.sleep(left_s)

    # --- the end ---

    async def _flush(self, writer: asyncio.Task[None]) -> None:
        """Gives what is queued, and the reason for the end, a moment to reach a client that reads."""
        if isinstance(self._host.error, SlowConsumer):
            return
        drained = asyncio.create_task(self._host.outbox.drained(), name="flush")
        await asyncio.wait((drained, writer), timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()

    async def _close(self, error: VoicegwError | None) -> None:
        code = 1000 if error is None or error.close_code is None else error.close_code
        await self._socket.close(code, "" if error is None else error.code)
