"""One connection to `/v1/stream`: audio and requests in, typed messages out.

    async with VoiceClient.connect("ws://127.0.0.1:8765/v1/stream") as client:
        await client.send_audio(pcm)
        await client.end()
        async for message in client: ...

Sending and iterating may run in different tasks. No wait is without a bound: keepalive pings find a dead
connection while a session is open, and `settle_s` limits how long the server may take after `end()`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from clients.errors import ConnectionLost, NotOurDialect, Refused, Unreachable
from voicegw.dialects import native

DEFAULT_URL = "ws://127.0.0.1:8765/v1/stream"
OPEN_S = 10.0  # for the upgrade, and again for the first message
SEND_S = 10.0  # for the socket to take a message; a server that reads nothing for so long is gone
SETTLE_S = 60.0  # from `end` to the close: the open utterance and its reply
NORMAL_CLOSURE = 1000

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)
_encoder = msgspec.json.Encoder()


class _Refusal(msgspec.Struct):
    code: str
    message: str
    retryable: bool = False
    retry_after_ms: int | None = None


class _RefusalBody(msgspec.Struct):
    error: _Refusal


class VoiceClient:
    """An open session. `ready` is the server's greeting: session, epoch, limits."""

    def __init__(
        self, socket: ClientConnection, ready: native.ReadyMessage, settle_s: float = SETTLE_S
    ) -> None:
        self.ready = ready
        self._socket = socket
        self._settle_s = settle_s
        self._settle_by: float | None = None  # event loop time; set by `end`
        self._waiting: asyncio.Timeout | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str = DEFAULT_URL,
        *,
        rate: int = 16_000,
        audio_format: str = "pcm_s16le",
        reply: str = "text",
        settle_s: float = SETTLE_S,
    ) -> AsyncIterator[Self]:
        """An open session, closed when the block is left.

        Raises Refused with the server's reason, or Unreachable.
        """
        query = urlencode({"rate": rate, "format": audio_format, "reply": reply})
        socket = await _open(f"{url}{'&' if '?' in url else '?'}{query}")
        try:
            yield cls(socket, await _greeting(socket), settle_s)
        finally:
            await socket.close()

    async def send_audio(self, frame: bytes) -> None:
        """Send any number of whole samples, at the rate and in the format the session was opened with."""
        await self._send(frame)

    async def commit(self) -> None:
        """End the running utterance now, without waiting for silence."""
        await self._request(native.CommitMessage())

    async def cancel(self) -> None:
        """Stop the running reply."""
        await self._request(native.CancelMessage())

    async def say(self, text: str) -> None:
        """Send a typed message, which is answered like a spoken one."""
        await self._request(native.TextMessage(text=text))

    async def configure(
        self,
        *,
        end_silence_ms: int | None = None,
        max_utterance_ms: int | None = None,
        partial_interval_ms: int | None = None,
        reply: bool | None = None,
    ) -> None:
        """Change this session's knobs; what is left out stays as it is."""
        await self._request(
            native.ConfigureMessage(
                end_silence_ms=end_silence_ms,
                max_utterance_ms=max_utterance_ms,
                partial_interval_ms=partial_interval_ms,
                reply=reply,
            )
        )

    async def end(self) -> None:
        """Say that nothing more will be sent; the server settles what is open, and iteration then ends."""
        await self._request(native.EndMessage())
        self._settle_by = asyncio.get_running_loop().time() + self._settle_s
        if self._waiting is not None:
            self._waiting.reschedule(self._settle_by)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> native.ServerMessage:
        """The server's next message, until it closes normally.

        Raises ConnectionLost when it closes otherwise or does not settle in time, and NotOurDialect.
        """
        try:
            async with asyncio.timeout_at(self._settle_by) as self._waiting:
                return _decoded(await self._socket.recv())
        except ConnectionClosed as closed:
            lost = _lost(closed)
            if lost.close_code == NORMAL_CLOSURE:
                raise StopAsyncIteration from None
            raise lost from closed
        except TimeoutError:
            raise ConnectionLost(f"the server did not settle in {self._settle_s:g} s after `end`") from None
        finally:
            self._waiting = None

    async def _request(self, message: native.ClientMessage) -> None:
        await self._send(_encoder.encode(message).decode())

    async def _send(self, message: str | bytes) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send(message)
        except ConnectionClosed as closed:
            raise _lost(closed) from closed
        except TimeoutError:
            raise ConnectionLost(f"the server took nothing for {SEND_S:g} s") from None


async def _open(url: str) -> ClientConnection:
    try:
        return await connect(
            url,
            subprotocols=[Subprotocol(native.SUBPROTOCOL)],
            compression=None,
            open_timeout=OPEN_S,
            proxy=_proxy_for(url),
        )
    except InvalidStatus as refused:
        raise _refusal(refused.response.status_code, refused.response.body) from refused
    except InvalidURI as error:
        raise Unreachable(str(error)) from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise Unreachable(f"no voicegw server answers at {url.partition('?')[0]}: {error}") from error


def _proxy_for(url: str) -> Literal[True] | None:
    """The system's proxy, except for this machine: few proxies reach back to it."""
    return None if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"} else True


def _refusal(status: int, body: bytes | bytearray | None) -> Refused:
    try:
        error = msgspec.json.decode(body or b"", type=_RefusalBody).error
    except msgspec.MsgspecError:
        return Refused(status, "http", f"HTTP status {status}", retryable=status in {429, 503})
    return Refused(
        status, error.code, error.message, retryable=error.retryable, retry_after_ms=error.retry_after_ms
    )


async def _greeting(socket: ClientConnection) -> native.ReadyMessage:
    try:
        async with asyncio.timeout(OPEN_S):
            first = _decoded(await socket.recv())
    except ConnectionClosed as closed:
        raise _lost(closed) from closed
    except TimeoutError:
        raise Unreachable(f"the server opened a session but did not greet it within {OPEN_S:g} s") from None
    match first:
        case native.ReadyMessage():
            return first
        case native.ErrorMessage():
            raise Refused(0, first.code, first.message, retryable=first.retryable)
        case other:
            raise NotOurDialect(f"the first message was {type(other).__name__}, not ready")


def _decoded(data: Any) -> native.ServerMessage:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise NotOurDialect(f"a message of an unknown shape: {error}") from error


def _lost(closed: ConnectionClosed) -> ConnectionLost:
    frame = closed.rcvd or closed.sent
    if frame is None:
        return ConnectionLost("the connection broke")
    reason = f": {frame.reason}" if frame.reason else ""
    return ConnectionLost(f"the server closed the connection ({frame.code}{reason})", close_code=frame.code)
