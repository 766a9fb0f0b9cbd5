"""One connection to a server, with a health check.

A connection can fail without a close frame: the server's process is stopped, or its machine or the network is
down. When nothing was received for a moment, the client sends a ping. Any received byte counts as the answer,
since the pong may be queued behind other data on a slow connection. The timeout adapts to earlier answer
times. A wrong decision costs a reconnect but no data: the session resumes.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from clients.errors import ConnectionLost, ProtocolError
from voicegw.dialects import native

SEND_S = 10.0  # for the socket to accept a message
PING_BUSY_S = 0.25  # without received data before a ping, while messages are sent
PING_IDLE_S = 1.0  # the same, while none are sent
BUSY_S = 1.0  # after the last message that was sent
FIRST_TIMEOUT_S = 2.0  # before the first answer
MIN_TIMEOUT_S = 0.8  # two retransmissions of a packet take 0.2 + 0.4 s
MAX_TIMEOUT_S = 5.0  # a slower server is of no use in a conversation
WINDOW = 100  # answer times; at four a second, of the last half minute

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class AdaptiveTimeout:
    """The timeout of a server's answer: twice the longest of the last answer times. The connections of a
    session share it, so it stays long on a slow network."""

    def __init__(self) -> None:
        self._answers_s: deque[float] = deque(maxlen=WINDOW)

    @property
    def timeout_s(self) -> float:
        """Of the next answer."""
        return min(max(2 * max(self._answers_s, default=FIRST_TIMEOUT_S / 2), MIN_TIMEOUT_S), MAX_TIMEOUT_S)

    def add(self, answer_s: float) -> None:
        """The time of an answer, or the time without one after a timeout."""
        self._answers_s.append(answer_s)


class Connection(ClientConnection):
    """silent_s: how long nothing was received when the health check failed; None if it did not."""

    def __init__(self, answer_timeout: AdaptiveTimeout, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.silent_s: float | None = None
        self._answer_timeout = answer_timeout
        self._received = asyncio.Event()
        self._received_at = self._sent_at = self.loop.time()
        self._reading = asyncio.Event()
        self._health_check: asyncio.Task[None] | None = None

    async def send_message(self, message: str | bytes) -> None:
        """Sends a message. Raises ConnectionLost."""
        self._sent_at = self.loop.time()
        try:
            async with asyncio.timeout(SEND_S):
                await self.send(message)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        except TimeoutError:
            self.transport.abort()
            raise ConnectionLost(f"the server read nothing for {SEND_S:g} s") from None

    async def receive_message(self) -> native.ServerMessage | bytes:
        """The next message, or a piece of reply audio. Raises ConnectionLost and ProtocolError."""
        self._reading.set()
        try:
            frame = await self.recv()
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        finally:
            self._reading.clear()
        return frame if isinstance(frame, bytes) else _decoded(frame)

    def _lost(self, closed: ConnectionClosed) -> ConnectionLost:
        if self.silent_s is not None:
            return ConnectionLost(f"the server sent nothing for {self.silent_s:.1f} s")
        return ConnectionLost.of(closed)

    # --- health check ---

    def start_health_check(self) -> None:
        """Closes the connection from now on when the server does not answer."""
        self._health_check = asyncio.create_task(self._check_health(), name="health-check")

    def data_received(self, data: bytes) -> None:
        """Data was received, possibly a part of a message."""
        self._received_at = self.loop.time()
        self._received.set()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the health check."""
        if self._health_check is not None:
            self._health_check.cancel()
        super().connection_lost(exc)

    async def _check_health(self) -> None:
        with suppress(ConnectionClosed):
            await self._wait_until_silent()
            while not await self._is_unanswered():
                await self._wait_until_silent()
            self.silent_s = self.loop.time() - self._received_at
            self._answer_timeout.add(self._answer_timeout.timeout_s)
            self.transport.abort()

    async def _wait_until_silent(self) -> None:
        """Waits until nothing was received for a moment while a task is reading: without a reader, nothing is
        read from the socket, pongs included."""
        while True:
            await self._reading.wait()
            now = self.loop.time()
            ping_s = PING_BUSY_S if now < self._sent_at + BUSY_S else PING_IDLE_S
            if now >= self._received_at + ping_s:
                return
            await asyncio.sleep(self._received_at + ping_s - now)

    async def _is_unanswered(self) -> bool:
        """Sends a ping; whether nothing is received before the timeout. The wait has two halves, so that a
        client whose own process was stopped first reads what arrived meanwhile."""
        self._received.clear()
        pinged_at, half_s = self.loop.time(), self._answer_timeout.timeout_s / 2
        with suppress(TimeoutError):
            async with asyncio.timeout(half_s):
                asyncio.ensure_future(await self.ping()).add_done_callback(self._add_answer_time)
                await self._received.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(half_s):
                await self._received.wait()
        return self._received_at < pinged_at

    def _add_answer_time(self, answer: asyncio.Future[float]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._answer_timeout.add(answer.result())


def _decoded(data: str) -> native.ServerMessage:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"unknown message: {error}") from error
