"""One WebSocket: passes the frames of the client to a session, sends its events, and monitors the liveness
and the time limits of the client. Leaving the task group is the whole clean-up; the codec of the dialect
chooses the close code.
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
_LAST_FRAMES_S = 2.0
_NOT_READING = (SlowConsumer, TakenOver, Unresponsive, Moved)  # for which nothing more is sent
_MESSAGES_IN_A_ROW = 16  # before other tasks run
_DELIBERATE = (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD)


@dataclass(frozen=True, slots=True)
class ConnectionOptions(LivenessOptions):
    """Limits of one connection."""

    send_timeout_ms: int = option(10_000, "time a client may take to read one message", ge=100)
    max_outbox_bytes: int = option(1_000_000, "bytes that may wait for one client to read them", ge=10_000)
    max_errors: int = option(50, "rejected messages after which a client is disconnected", ge=1)


class Connection:
    """Attaches one accepted WebSocket to its session.

    charge: as of FrameReceiver. after: the last event that the client of a resumed session has received.
    resumable: whether clients of this dialect can resume a session.
    """

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
        self.codec = codec
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
        self._received_at = time.monotonic()
        self._probing: asyncio.Task[None] | None = None
        self._end: asyncio.Future[VoicegwError | None] = asyncio.get_running_loop().create_future()

    @property
    def limiter(self) -> SessionLimiter:
        """Counts the use of the client."""
        return self._context.limiter

    async def run(self) -> None:
        """Serves the client until it disconnects, another connection takes the session, or the session
        ends."""
        error: VoicegwError | None = InternalError()
        try:
            async with self._group as group:
                reader = self._runner.attach(self, self._after)
                writer = group.create_task(self._write(reader), name="writer")
                others = [group.create_task(work, name=name) for name, work in self._work().items()]
                error = await self._end
                for task in (*others, *filter(None, [self._probing])):
                    task.cancel()
                if not isinstance(error, _NOT_READING):
                    await self._flush(reader, writer)
                writer.cancel()
        except* Exception:
            log.exception("connection failed", session=self._runner.name)
            self._runner.finish(InternalError())
        finally:
            if error is not None:
                log.info("connection ended", session=self._runner.name, code=error.code, reason=error.message)
            await self._close(error)
            self._runner.detach(self, permanent=self._left_permanently())
            await self.limiter.report(time.monotonic())

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """The tasks apart from the writer, by name."""
        work = {"reader": self._read(), "watch": self._watch(), "ping": self._ping()}
        return work | ({"usage": self._report_use()} if self.limiter.shared else {})

    def end(self, error: VoicegwError | None) -> None:
        """Ends the connection; the first call determines the error."""
        if not self._end.done():
            self._receiver.stop()
            self._end.set_result(error)

    # --- tasks ---

    async def _read(self) -> None:
        await self.limiter.load_shared(time.monotonic())
        in_a_row = 0
        try:
            if self.codec.lock_step:
                await self._answer()  # the frame that opened the session
            while True:  # without the iterator of the socket, which is a generator more for each frame
                frame = await self._socket.recv()
                self._received_at = now = time.monotonic()
                if (rest := self._receiver.receive(frame, now)) is not None:
                    await rest
                if self.codec.lock_step:
                    await self._answer()
                in_a_row = (in_a_row + 1) % _MESSAGES_IN_A_ROW
                if not in_a_row:  # many small frames may be buffered, and reading them does not wait
                    await asyncio.sleep(0)
        except ConnectionClosed as closed:
            log.debug("client disconnected", session=self._runner.name, reason=str(closed))
        self.end(None)

    async def _answer(self) -> None:
        """Answers the messages of a client in lock step, once its audio is not far ahead of real time."""
        await asyncio.sleep(self._receiver.wait_s())
        await self._send(self.codec.answer())

    async def _write(self, reader: Reader) -> None:
        while await self._send(self._encode(await reader.get())):
            reader.sent()

    async def _send(self, frames: Iterable[Frame]) -> bool:
        """Sends frames; returns False, and ends the connection, when the client does not read them."""
        try:
            for frame in frames:
                async with asyncio.timeout(self._options.send_timeout_ms / 1000):
                    await self._socket.send(frame.data, text=frame.text)
                self._runner.traffic.sent.add(len(frame.data), text=frame.text)
        except TimeoutError:
            error = SlowConsumer(f"one message took over {self._options.send_timeout_ms} ms to send")
            self.end(error)
        except ConnectionClosed:
            self.end(None)
        else:
            return True
        return False

    def _encode(self, outgoing: Outgoing) -> Iterable[Frame]:
        match outgoing:
            case NumberedEvent(event, number):
                return self.codec.send_event(event, number)
            case ReplyAudio():
                return self.codec.send_audio(outgoing)
            case StopAudio():
                return self.codec.stop_audio()
            case _:
                assert_never(outgoing)

    async def _watch(self) -> None:
        """Ends the session when one of its time limits is reached; sends the notices before."""
        lifetime = Lifetime(self._options, self._runner.record.opened_at, self._context.session_ttl_s)
        while True:
            try:
                now = time.monotonic()
                for ending in lifetime.check(
                    now, self._runner.record.alive_at, self._context.identity.expires_at
                ):
                    self._runner.emit(ending)
            except InputError as error:
                return self._runner.finish(error)
            await asyncio.sleep(lifetime.next_check() - now)

    async def _ping(self) -> None:
        """Pings a client that sends nothing; any frame from it counts as an answer."""
        timeout_s = self._options.ping_timeout_ms / 1000
        while True:
            await asyncio.sleep(self._received_at + self._options.ping_interval_ms / 1000 - time.monotonic())
            pinged_at = time.monotonic()
            if pinged_at < self._received_at + self._options.ping_interval_ms / 1000:
                continue
            try:
                async with asyncio.timeout(timeout_s):
                    await (await self._socket.ping())
                    self._received_at = time.monotonic()
            except TimeoutError:
                if self._received_at < pinged_at:
                    return self.end(Unresponsive())
            except ConnectionClosed:
                return None

    def probe(self) -> None:
        """Pings a client whose audio has stopped during speech, to tell a client that stopped sending from a
        lost network. Does nothing while an earlier ping is unanswered."""
        if not self._end.done() and (self._probing is None or self._probing.done()):
            self._probing = self._group.create_task(self._await_probe_answer(), name="probe")

    async def _await_probe_answer(self) -> None:
        with suppress(ConnectionClosed):
            await (await self._socket.ping())
            self._runner.receive_probe_answer()

    async def _report_use(self) -> None:
        """Reports the use to the shared counters, in blocks."""
        while True:
            await self.limiter.due.wait()
            await self.limiter.report(time.monotonic())

    # --- the end ---

    async def _flush(self, reader: Reader, writer: asyncio.Task[None]) -> None:
        """Waits up to 2 s for the queued events and the reason for the end to be sent. For a complete session
        that time begins when its last events are saved, because its client will not resume it."""
        drained = asyncio.create_task(reader.drained(), name="flush")
        pending, done = True, set[asyncio.Task[None]]()
        try:
            while pending and not done:
                pending = self._runner.pending
                done, _ = await asyncio.wait(
                    (drained, writer), timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            drained.cancel()

    async def _close(self, error: VoicegwError | None) -> None:
        last = () if isinstance(error, _NOT_READING) else self.codec.end(error)
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(_LAST_FRAMES_S):
                for frame in last:
                    await self._socket.send(frame.data, text=frame.text)
        await self._socket.close(*self.codec.close(error))

    def _left_permanently(self) -> bool:
        """Whether the client will not resume the session: it cannot, or it closed the connection normally."""
        received = self._socket.protocol.close_rcvd
        return not self._resumable or (received is not None and received.code in _DELIBERATE)
