"""A TCP connection from its first byte. Connections with an unfinished handshake are limited in number and in
time, so that idle ones cannot keep other clients out.
"""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Event, State

from voicegw.core.options import option
from voicegw.dialects.port import Codec, Dialect
from voicegw.errors import RateLimited
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.http.plain_http import HttpConnection
from voicegw.gateway.http.request_line import RequestLine, RestServer
from voicegw.gateway.http.tls_upgrade import TlsUpgrade
from voicegw.gateway.limits.admission import TokenBucket
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.session.session_factory import SessionRequest
from voicegw.telemetry import Metrics

CLOSE_S = 2.0  # for the closing handshake, also with a client that does not read
READ_BYTES = 4_096  # per read; a message may need several reads, and one read may have about 680 frames
FRAMES_PER_S = 500  # of any kind, of one client; also the burst; a full read counts as one


@dataclass(frozen=True, slots=True)
class HandshakeOptions:
    """Limits of connections whose handshake is not finished."""

    timeout_ms: int = option(
        5_000, "time for a request to arrive and be answered; the same again for TLS", ge=100
    )
    max_pending: int = option(1_000, "connections at one time with an unfinished handshake", ge=1)
    max_pending_per_address: int = option(100, "the same from one address", ge=1)


class HandshakeLimiter:
    """Counts the connections with an unfinished handshake.

    address_of: the address as which a peer counts; empty where many clients share it, as behind a proxy, and
    no limit per address applies. context: of TLS, or None. rest: serves the REST API; None without. inbox:
    the read buffer of all connections of the gateway; each read is copied out of it before the next one.
    """

    def __init__(self, options: HandshakeOptions, address_of: Callable[[str], str], metrics: Metrics) -> None:
        self.options = options
        self.context: ssl.SSLContext | None = None
        self.rest: RestServer | None = None
        self.address_of = address_of
        self._metrics = metrics
        self._pending: Counter[str] = Counter()
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        metrics.traffic.connections.set_function(self._open)
        self.inbox = memoryview(bytearray(READ_BYTES))

    def acquire(self, address: str) -> bool:
        """Counts one more connection; returns whether it is within the limits."""
        return self._count(address, full=self._pending.total() >= self.options.max_pending)

    def move(self, before: str, address: str) -> bool:
        """Counts a connection for another address; returns whether it is within that address's limit."""
        self.release(before)
        return self._count(address)

    def _count(self, address: str, *, full: bool = False) -> bool:
        full = full or (address != "" and self._pending[address] >= self.options.max_pending_per_address)
        self._pending[address] += 1
        if full:
            self._metrics.handshakes_dropped.inc()
        return not full

    def release(self, address: str) -> None:
        """The handshake of one connection is finished, or the connection is closed."""
        self._pending[address] -= 1
        if not self._pending[address]:
            del self._pending[address]

    def track(self, transport: asyncio.Transport) -> None:
        """Tracks a TCP connection until it is closed, for `abort`."""
        self._transports.add(transport)
        self._metrics.traffic.connections_opened.inc()

    def _open(self) -> int:
        return sum(not transport.is_closing() for transport in self._transports)

    def abort(self) -> None:
        """Aborts all connections."""
        for transport in tuple(self._transports):
            transport.abort()


@dataclass(slots=True)
class Upgrade:
    """The purpose of a WebSocket. address: for which limits apply. session_request: once admitted."""

    dialect: Dialect
    codec: Codec
    address: str
    session_request: SessionRequest | None = None


class LimitedConnection(HttpConnection, asyncio.BufferedProtocol):
    """A connection with limits on its handshake, its frame rate and its pongs.

    peer: the remote address of the TCP connection. identity: of the client, once admitted. seat: the one it
    holds. upgrade: the purpose of the WebSocket.

    It is a buffered protocol because asyncio otherwise allocates 256 KiB for every read, however small; that
    fragments the heap, which then grows over time.

    When frames arrive too fast, reading pauses and they wait in the network. Pings of a client that does not
    read are answered when it reads again, and only the last one (RFC 6455, 5.5.3); this bounds the pongs.
    """

    # more instance attributes would double the size of its dictionary
    __slots__ = (
        *("_frames", "_handshakes", "_pending_pong", "_pending", "_read_pause", "_send"),
        *("identity", "peer", "seat", "upgrade"),
    )

    def __init__(self, handshakes: HandshakeLimiter, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.identity: Identity | None = None
        self.seat: Seat | None = None
        self.upgrade: Upgrade | None = None
        self.peer = ""
        self._pending: str | None = None  # the address that it counts for, as an unfinished handshake
        self._handshakes = handshakes
        self._frames = TokenBucket(FRAMES_PER_S, FRAMES_PER_S)
        self._read_pause: asyncio.TimerHandle | None = None
        self._pending_pong: Frame | None = None
        self._send = self.protocol.send_frame
        self.protocol.send_frame = self._send_frame  # type: ignore[method-assign]

    def connection_made(self, transport: Any) -> None:
        """A new connection; aborted without an answer when there are too many."""
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        self._handshakes.track(transport)
        context, timeout_s = self._handshakes.context, self._handshakes.options.timeout_ms / 1000
        self._pending = self._handshakes.address_of(self.peer)
        if not self._handshakes.acquire(self._pending):
            self._begin_reading(transport)
            transport.abort()
        elif context is None:
            self._read_line(transport)
        else:
            TlsUpgrade(context, timeout_s, self._read_line, self.finish_handshake).begin(transport)

    def _read_line(self, transport: asyncio.Transport, early: bytes = b"") -> None:
        """Finds out whether it is a request of the REST API. early: bytes received after a TLS handshake."""
        rest, timeout_s = self._handshakes.rest, self._handshakes.options.timeout_ms / 1000

        def choose(path: str, received: bytes) -> None:
            if rest is not None and rest.serves(path):
                rest.accept(transport, received, self.peer, self.finish_handshake)
            else:
                transport.set_protocol(self)
                self._begin_reading(transport)
                self.data_received(received)

        line = RequestLine(transport, self._handshakes.inbox, timeout_s, choose, self.finish_handshake)
        if early:
            line.receive(early)

    def _begin_reading(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.recv_messages.resume = self._resume_reading

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        if self._read_pause is not None:
            self._read_pause.cancel()
        super().connection_lost(exc)

    @property
    def descriptor(self) -> int:
        """The file descriptor of its socket."""
        return int(self.transport.get_extra_info("socket").fileno())

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer for the next read."""
        return self._handshakes.inbox

    def buffer_updated(self, nbytes: int) -> None:
        """The buffer has `nbytes` new bytes."""
        self.data_received(bytes(self._handshakes.inbox[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Processes received bytes; pauses reading when frames arrive too fast."""
        super().data_received(data)
        if len(data) >= READ_BYTES:
            self._frames.take(len(data) // READ_BYTES)
        self._pause_if_too_fast()

    def charge(self, frames: int) -> None:
        """Counts the work for a message as so many additional frames of its client."""
        self._frames.take(frames)
        self._pause_if_too_fast()

    def _pause_if_too_fast(self) -> None:
        """Pauses reading until the frame rate allows more."""
        wait_s = self._frames.wait_s(time.monotonic())
        if wait_s > 0 and self._read_pause is None:
            self.transport.pause_reading()
            self._read_pause = self.loop.call_later(wait_s, self._end_read_pause)

    def process_event(self, event: Event) -> None:
        """Counts a frame, or the HTTP request."""
        self._frames.take()
        super().process_event(event)

    def _end_read_pause(self) -> None:
        self._read_pause = None
        self._pause_if_too_fast()  # again: frames read meanwhile may have been charged for
        self._resume_reading()

    def _resume_reading(self) -> None:
        """Resumes reading, unless frames arrive too fast or many wait to be processed."""
        if self._read_pause is None and not self.recv_messages.paused:
            self.transport.resume_reading()

    def _send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and self.paused:
            self._pending_pong = frame
        else:
            self._send(frame)

    def resume_writing(self) -> None:
        """The client reads again: sends the pending pong."""
        super().resume_writing()
        if self._pending_pong is not None and self.state is State.OPEN:
            self._send(self._pending_pong)
            self.send_data()
        self._pending_pong = None

    async def handshake(self, *arguments: Any, **named: Any) -> None:
        """The opening handshake; on failure releases the seat and the place among the handshakes."""
        opened = False
        try:
            await super().handshake(*arguments, **named)
            opened = self.state is State.OPEN
        finally:
            if not opened:
                self.hold_seat(None)
            if not opened or self.upgrade is None or self.upgrade.session_request is not None:
                self.finish_handshake()

    def finish_handshake(self) -> None:
        """Stops counting the connection as an unfinished handshake."""
        if self._pending is not None:
            self._handshakes.release(self._pending)
            self._pending = None

    def count_handshake(self, address: str) -> None:
        """Counts the handshake for the client's own address, once that is known. Raises RateLimited when it
        has too many."""
        before, self._pending = self._pending, address
        assert before is not None, "the request is part of the handshake"
        if before != address and not self._handshakes.move(before, address):
            raise RateLimited("too many connections of this address with an unfinished handshake")

    def hold_seat(self, seat: Seat | None) -> None:
        """Holds this seat, and releases the previous one."""
        if seat is not None:
            seat.hold()
        if self.seat is not None:
            self.seat.release()
        self.seat = seat

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """The closing handshake, with a timeout for all of it. The timeout of the package begins when the
        close frame has been sent, which never happens when the client does not read."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await super().close(code, reason)
        except TimeoutError:
            self.transport.abort()
            await self.wait_closed()

    def clear_handshake(self) -> None:
        """Deletes headers and token, which would be a tenth of the memory of a session."""
        for message in (self.request, self.response):
            if message is not None:
                message.headers.clear()
