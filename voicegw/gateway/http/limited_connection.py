"""A TCP connection from its first byte, before anybody knows who it is: bounded in number and in time, so
that connections that never say what they want keep nobody out.
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
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.http.plain_http import HttpConnection
from voicegw.gateway.http.tls_upgrade import TlsUpgrade
from voicegw.gateway.limits.admission import TokenBucket
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.session.sessions import Guest
from voicegw.telemetry import Metrics

CLOSE_S = 2.0  # for all of a closing handshake: who reads nothing keeps a place no longer
READ_BYTES = 4_096  # at a time; a message may come in several reads, and some 680 frames in one
_FRAMES_PER_S = 500  # that are read of one client, of any kind; a full read counts as one; burst likewise


@dataclass(frozen=True, slots=True)
class HandshakeOptions:
    """What a connection may cost before it has said what it wants."""

    timeout_ms: int = option(5_000, "time for a request to arrive and be answered; as long for TLS", ge=100)
    max_pending: int = option(1_000, "connections at once that have not finished their handshake", ge=1)
    max_pending_per_address: int = option(100, "the same from one address", ge=1)


class HandshakeLimiter:
    """Counts the connections whose handshake is not finished. `many`: whether many clients share a peer
    address, as behind a proxy, so that no limit per address holds for it. `context`: for TLS, where there is
    to be any. `inbox`: what is read from any of the gateway's connections passes through here, and is copied
    out before the next one is read."""

    def __init__(self, options: HandshakeOptions, many: Callable[[str], bool], metrics: Metrics) -> None:
        self.options = options
        self.context: ssl.SSLContext | None = None
        self._many = many
        self._metrics = metrics
        self._pending: Counter[str] = Counter()
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        self.inbox = memoryview(bytearray(READ_BYTES))

    def enter(self, peer: str) -> bool:
        """Counts one more; whether there is room for it."""
        crowded = self._pending.total() >= self.options.max_pending or (
            self._pending[peer] >= self.options.max_pending_per_address and not self._many(peer)
        )
        self._pending[peer] += 1
        if crowded:
            self._metrics.handshakes_dropped.inc()
        return not crowded

    def leave(self, peer: str) -> None:
        """One is finished, or gone."""
        self._pending[peer] -= 1
        if not self._pending[peer]:
            del self._pending[peer]

    def keep(self, transport: asyncio.Transport) -> None:
        """Remembers a TCP connection until it is gone."""
        self._transports.add(transport)

    def abort(self) -> None:
        """Ends every connection at once, whatever it waits for."""
        for transport in tuple(self._transports):
            transport.abort()


@dataclass(slots=True)
class Upgrade:
    """What a WebSocket was opened for. address: that limits go by. guest: the client, once it is let in."""

    dialect: Dialect
    codec: Codec
    address: str
    guest: Guest | None = None


class LimitedConnection(HttpConnection, asyncio.BufferedProtocol):
    """`peer`: the address at the other end of the TCP connection. `identity`: whose it is, once let in.
    `seat`: that it holds. `upgrade`: what the WebSocket is for.

    It is a protocol with a buffer because asyncio otherwise asks for 256 KiB for every read, however little
    comes: the heap of a gateway that is busy for long falls into pieces, and grows, for want of such holes.

    Frames that come too fast wait in the network, however small they are. Pings of a client that does not
    read are not answered until it does, and then the last one alone (RFC 6455, 5.5.3): pongs have no other
    bound.
    """

    # more in its dictionary would double that one's size
    __slots__ = (
        *("_frames", "_handshakes", "_owed", "_pending", "_resting", "_send"),
        *("identity", "peer", "seat", "upgrade"),
    )

    def __init__(self, handshakes: HandshakeLimiter, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.identity: Identity | None = None
        self.seat: Seat | None = None
        self.upgrade: Upgrade | None = None
        self.peer = ""
        self._pending = True  # its handshake, or what else has to be known before it may stay
        self._handshakes = handshakes
        self._frames = TokenBucket(_FRAMES_PER_S, _FRAMES_PER_S)
        self._resting: asyncio.TimerHandle | None = None
        self._owed: Frame | None = None
        self._send = self.protocol.send_frame
        self.protocol.send_frame = self._send_frame  # type: ignore[method-assign]

    def connection_made(self, transport: Any) -> None:
        """There is a connection; where there are too many it ends at once, unanswered."""
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        self._handshakes.keep(transport)
        context, timeout_s = self._handshakes.context, self._handshakes.options.timeout_ms / 1000
        if not self._handshakes.enter(self.peer):
            self._begin_reading(transport)
            transport.abort()
        elif context is None:
            self._begin_reading(transport)
        else:
            TlsUpgrade(context, timeout_s, self._secured, self.finish_handshake).begin(transport)

    def _secured(self, transport: asyncio.Transport, early: bytes) -> None:
        """The connection is encrypted; `early` has come over it already."""
        transport.set_protocol(self)
        self._begin_reading(transport)
        if early:
            self.data_received(early)

    def _begin_reading(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.recv_messages.resume = self._resume_reading

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._resting is not None:
            self._resting.cancel()
        super().connection_lost(exc)

    @property
    def descriptor(self) -> int:
        """Of its socket."""
        return int(self.transport.get_extra_info("socket").fileno())

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next piece is to be read to."""
        return self._handshakes.inbox

    def buffer_updated(self, nbytes: int) -> None:
        """It is there."""
        self.data_received(bytes(self._handshakes.inbox[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Takes in a piece; the next one is not read before its frames are due."""
        super().data_received(data)
        self._frames.take(len(data) // READ_BYTES)
        self._rest()

    def charge(self, frames: int) -> None:
        """A message that was read takes as much work as so many frames more: the next ones wait for it."""
        self._frames.take(frames)
        self._rest()

    def _rest(self) -> None:
        """Stops reading until more frames are due."""
        wait_s = self._frames.wait_s(time.monotonic())
        if wait_s > 0 and self._resting is None:
            self.transport.pause_reading()
            self._resting = self.loop.call_later(wait_s, self._rested)

    def process_event(self, event: Event) -> None:
        """One more frame, or the request."""
        self._frames.take()
        super().process_event(event)

    def _rested(self) -> None:
        self._resting = None
        self._rest()  # again, where what was read meanwhile has been charged for
        self._resume_reading()

    def _resume_reading(self) -> None:
        """Reads on, unless frames come too fast or many wait to be taken."""
        if self._resting is None and not self.recv_messages.paused:
            self.transport.resume_reading()

    def _send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and self.paused:
            self._owed = frame
        else:
            self._send(frame)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._owed is not None and self.state is State.OPEN:
            self._send(self._owed)
            self.send_data()
        self._owed = None

    async def handshake(self, *arguments: Any, **named: Any) -> None:
        """The opening handshake, as often as it was begun."""
        opened = False
        try:
            await super().handshake(*arguments, **named)
            opened = self.state is State.OPEN
        finally:
            if not opened:
                self.hold_seat(None)
            if not opened or self.upgrade is None or self.upgrade.guest is not None:
                self.finish_handshake()

    def finish_handshake(self) -> None:
        """Counts the connection as pending no longer: it is known who it is, or it is gone."""
        if self._pending:
            self._pending = False
            self._handshakes.leave(self.peer)

    def hold_seat(self, seat: Seat | None) -> None:
        """Holds this seat from now on, in place of the one before."""
        if seat is not None:
            seat.hold()
        if self.seat is not None:
            self.seat.release()
        self.seat = seat

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """The closing handshake, for so long and no longer. The package's own limit begins when the close
        frame is on its way, which it never is where nothing is read at the other end."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await super().close(code, reason)
        except TimeoutError:
            self.transport.abort()
            await self.wait_closed()

    def forget_handshake(self) -> None:
        """The session needs neither headers nor token any longer; they would take a tenth of its memory."""
        for message in (self.request, self.response):
            if message is not None:
                message.headers.clear()
