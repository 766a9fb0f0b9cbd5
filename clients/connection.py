"""One connection to a server, which may be cut off, or fall silent without a word: because its process was
stopped, because its machine or the network on the way is gone.

Whenever nothing has come for a moment the server is asked (a ping, which costs it next to nothing), and any
byte is an answer, because it may stand behind much else on a slow line. How long an answer may take is learnt
from how long answers have taken. To be wrong about a server costs a connection and no words: the session
goes on where it was.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from clients.errors import ConnectionLost, NotOurDialect
from voicegw.dialects import native

SEND_S = 10.0  # for the socket to take a message; a server that reads nothing for so long is gone
ASK_BUSY_S = 0.25  # silence after which the server is asked while something is being sent
ASK_IDLE_S = 1.0  # and while nothing is
BUSY_S = 1.0  # after the last message that was sent
UNKNOWN_S = 2.0  # for an answer, as long as none has come
LEAST_S = 0.8  # a packet that is lost twice in a row is there after 0.2 + 0.4 s, and then has its way to go
MOST_S = 5.0  # with a server that takes longer nobody can talk
REMEMBERED = 100  # answers; at four a second the last half minute

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class Patience:
    """How long to wait for a server's answer: twice as long as for the slowest of the last ones. The
    connections of a session share it: a line that is slow, or silent now and then, is given more time."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def allowed_s(self) -> float:
        """For the next answer."""
        return min(max(2 * max(self._took_s, default=UNKNOWN_S / 2), LEAST_S), MOST_S)

    def receive(self, took_s: float) -> None:
        """An answer took so long; or did not come for so long."""
        self._took_s.append(took_s)


class Connection(ClientConnection):
    """`silent_s`: for how long nothing had come when the server was given up, if that is how it ended."""

    def __init__(self, patience: Patience, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.silent_s: float | None = None
        self._patience = patience
        self._heard = asyncio.Event()
        self._heard_at = self._used_at = self.loop.time()
        self._awaited = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def give(self, message: str | bytes) -> None:
        """Sends a message. Raises ConnectionLost."""
        self._used_at = self.loop.time()
        try:
            async with asyncio.timeout(SEND_S):
                await self.send(message)
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        except TimeoutError:
            self.transport.abort()
            raise ConnectionLost(f"the server took nothing for {SEND_S:g} s") from None

    async def take(self) -> native.ServerMessage | bytes:
        """The next message, or a piece of reply audio. Raises ConnectionLost and NotOurDialect."""
        self._awaited.set()
        try:
            frame = await self.recv()
        except ConnectionClosed as closed:
            raise self._lost(closed) from closed
        finally:
            self._awaited.clear()
        return frame if isinstance(frame, bytes) else _decoded(frame)

    def _lost(self, closed: ConnectionClosed) -> ConnectionLost:
        if self.silent_s is not None:
            return ConnectionLost(f"the server said nothing for {self.silent_s:.1f} s")
        return ConnectionLost.of(closed)

    # --- whether anybody is there ---

    def watch(self) -> None:
        """From now on the connection ends when the server is silent for too long."""
        self._watching = asyncio.create_task(self._watch(), name="watch")

    def data_received(self, data: bytes) -> None:
        """Something has come, be it a part of a message."""
        self._heard_at = self.loop.time()
        self._heard.set()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to watch any longer."""
        if self._watching is not None:
            self._watching.cancel()
        super().connection_lost(exc)

    async def _watch(self) -> None:
        with suppress(ConnectionClosed):
            await self._fall_quiet()
            while not await self._stay_silent():
                await self._fall_quiet()
            self.silent_s = self.loop.time() - self._heard_at
            self._patience.receive(self._patience.allowed_s)
            self.transport.abort()

    async def _fall_quiet(self) -> None:
        """Waits until nothing has come for a moment, and somebody waits for it: what nobody takes is not
        read from the socket, answers included."""
        while True:
            await self._awaited.wait()
            now = self.loop.time()
            ask_s = ASK_BUSY_S if now < self._used_at + BUSY_S else ASK_IDLE_S
            if now >= self._heard_at + ask_s:
                return
            await asyncio.sleep(self._heard_at + ask_s - now)

    async def _stay_silent(self) -> bool:
        """Asks the server; whether nothing comes in the time that it has for an answer. The time has two
        halves, so that who was stopped himself reads what has come meanwhile before he judges."""
        self._heard.clear()
        asked_at, half_s = self.loop.time(), self._patience.allowed_s / 2
        with suppress(TimeoutError):
            async with asyncio.timeout(half_s):
                asyncio.ensure_future(await self.ping()).add_done_callback(self._learn)
                await self._heard.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(half_s):
                await self._heard.wait()
        return self._heard_at < asked_at

    def _learn(self, answer: asyncio.Future[float]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._patience.receive(answer.result())


def _decoded(data: str) -> native.ServerMessage:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise NotOurDialect(f"a message of an unknown shape: {error}") from error
