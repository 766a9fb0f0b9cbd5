"""One WebSocket: reads what the client sends into a session, writes what the session tells, and watches
whether anybody is still there and may stay. Leaving the task group is the whole clean-up; the codec of the
connection's dialect chooses the close code.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, assert_never

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from voicegw.core.options import option
from voicegw.dialects.port import Codec, Frame, ReplyAudio
from voicegw.errors import (
    InputError,
    InternalError,
    Moved,
    SlowConsumer,
    TakenOver,
    Unresponsive,
    VoicegwError,
)
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.frame_receiver import FrameReceiver
from voicegw.gateway.session.liveness import Lifetime, LivenessOptions
from voicegw.gateway.session.outbox import NumberedEvent, Outgoing, Reader, StopAudio
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
    """Attaches one accepted WebSocket to its session. charge: as FrameReceiver's. after: the last event that
    the client of a resumed session has seen. resumable: whether a client of this dialect may come back."""

    def __init__(
        self,
        socket: ServerConnection,
        codec: Codec,
        runner: SessionRunner,
        context: ConnectionContext,
        options: ConnectionOptions,
        charge: Callable[[int], None],
        *,
        after: int | None = None,
        resumable: bool = True,
    ) -> None:
        self._socket = socket
        self._codec = codec
        self._group = asyncio.TaskGroup()
        self._receiver = FrameReceiver(
            *(codec, runner, context, self._group, options.max_errors, charge),
            numbered=resumable,
        )
        self._runner = runner
        self._context = context
        self._options = options
        self._after = after
        self._resumable = resumable
        self._heard_at = time.monotonic()
        self._checking: asyncio.Task[None] | None = None
        self._over: asyncio.Future[VoicegwError | None] = asyncio.get_running_loop().create_future()

    @property
    def limiter(self) -> SessionLimiter:
        """Counts what the client uses."""
        return self._context.limiter

    async def run(self) -> None:
        """Serves the client until it leaves, another connection takes the session, or it ends."""
        error: VoicegwError | None = InternalError()
        try:
            async with self._group as group:
                reader = self._runner.attach(self, self._after)
                writer = group.create_task(self._write(reader), name="writer")
                others = [group.create_task(work, name=name) for name, work in self._work().items()]
                error = await self._over
                for task in (*others, *filter(None, [self._checking])):
                    task.cancel()
                if not isinstance(error, SlowConsumer | TakenOver | Unresponsive | Moved):
                    await self._flush(reader, writer)
                writer.cancel()
        except* Exception:
            log.exception("connection failed", session=self._runner.name)
            self._runner.finish(InternalError())
        finally:
            if error is not None:
                log.info("connection ended", session=self._runner.name, code=error.code, reason=error.message)
            await self._close(error)
            self._runner.detach(self, for_good=self._left_for_good())
            await self.limiter.settle(time.monotonic())

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What goes on beside the writer."""
        work = {"reader": self._read(), "watch": self._watch(), "probe": self._probe()}
        return work | ({"settle": self._settle()} if self.limiter.shared else {})

    def leave(self, error: VoicegwError | None) -> None:
        """Ends the connection; the first one to call this decides how."""
        if not self._over.done():
            self._receiver.stop()
            self._over.set_result(error)

    # --- tasks ---

    async def _read(self) -> None:
        await self.limiter.begin(time.monotonic())
        in_a_row = 0
        try:
            async for frame in self._socket:
                self._heard_at = time.monotonic()
                await self._receiver.receive(frame)
                in_a_row = (in_a_row + 1) % _MESSAGES_IN_A_ROW
                if not in_a_row:  # of small ones very many may be here already, without a wait between them
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            log.debug("client vanished", session=self._runner.name, reason=str(closed))
        self.leave(None)

    async def _write(self, reader: Reader) -> None:
        try:
            while True:
                for frame in self._encode(await reader.get()):
                    async with asyncio.timeout(self._options.send_timeout_ms / 1000):
                        await self._socket.send(frame.data, text=frame.text)
                reader.sent()
        except TimeoutError:
            late = SlowConsumer(f"one message took over {self._options.send_timeout_ms} ms to send")
            self.leave(late)
        except ConnectionClosed:
            self.leave(None)

    def _encode(self, outgoing: Outgoing) -> Iterable[Frame]:
        match outgoing:
            case NumberedEvent(event, number):
                return self._codec.send_event(event, number)
            case ReplyAudio():
                return self._codec.send_audio(outgoing)
            case StopAudio():
                return self._codec.stop_audio()
            case _:
                assert_never(outgoing)

    async def _watch(self) -> None:
        """Ends a session whose time is up, and says so before."""
        lifetime = Lifetime(
            self._options, self._runner.record.activity.opened_at, self._context.session_ttl_s
        )
        while True:
            try:
                now = time.monotonic()
                for ending in lifetime.check(
                    now, self._runner.record.activity.alive_at, self._context.identity.expires_at
                ):
                    self._runner.emit(ending)
            except InputError as error:
                return self._runner.finish(error)
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
                    return self.leave(Unresponsive())
            except ConnectionClosed:
                return None

    def check_alive(self) -> None:
        """Asks a client whose audio has stopped in mid-word whether it is there: has it stopped sending, or
        has the network? A question that is not answered yet is not asked again."""
        if not self._over.done() and (self._checking is None or self._checking.done()):
            self._checking = self._group.create_task(self._check_alive(), name="check")

    async def _check_alive(self) -> None:
        with suppress(ConnectionClosed):
            await (await self._socket.ping())
            self._runner.receive_sign()

    async def _settle(self) -> None:
        """Reports what is used, block by block."""
        while True:
            await self.limiter.due.wait()
            await self.limiter.settle(time.monotonic())

    # --- the end ---

    async def _flush(self, reader: Reader, writer: asyncio.Task[None]) -> None:
        """Gives what is queued, and the reason for the end, a moment to reach a client that reads; the rest
        of a complete session gets that moment once it is saved, because nobody comes back for it."""
        drained = asyncio.create_task(reader.drained(), name="flush")
        pending, done = True, set[asyncio.Task[None]]()
        while pending and not done:
            pending = self._runner.pending
            done, _ = await asyncio.wait(
                (drained, writer), timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED
            )
        drained.cancel()

    async def _close(self, error: VoicegwError | None) -> None:
        await self._socket.close(*self._codec.close(error))

    def _left_for_good(self) -> bool:
        """Whether the client will not be back: it cannot, it has closed the connection on purpose, or it has
        agreed to a normal end of it."""
        received = self._socket.protocol.close_rcvd
        return not self._resumable or (received is not None and received.code in _DELIBERATE)
