"""One transcription by the gateway, as a client of its native dialect."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from voicegw.core.audio import PaceLimit
from voicegw.dialects import native
from voicegw.errors import RecognitionFailed
from voicegw.wyoming.options import WyomingOptions

_OPEN_S = CLOSE_S = 5.0
_LEAD_MS = 500  # of audio ahead of real time; more is held back, because the gateway limits it
_PIECE_MS = 100
_UNLIMITED_MS = 86_400_000

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class Transcription:
    """show: called with each further piece of the text that no longer changes. The methods raise
    RecognitionFailed when the gateway refuses the session or ends it early."""

    def __init__(self, options: WyomingOptions, rate: int, show: Callable[[str], Awaitable[None]]) -> None:
        self._options = options
        self._rate = rate
        self._show = show
        self._pace = PaceLimit(_UNLIMITED_MS)
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._finals = ""
        self._shown = ""
        self._error = "the gateway closed the connection"

    async def open(self, language: str, key_terms: Sequence[str]) -> None:
        """Opens the session."""
        query = urlencode({"rate": self._rate, "reply": "none"} | ({"lang": language} if language else {}))
        token, url = self._options.token, self._options.url
        try:
            self._socket = await connect(
                f"{url}{'&' if '?' in url else '?'}{query}",
                additional_headers={} if token is None else {"Authorization": f"Bearer {token}"},
                compression=None,
                open_timeout=_OPEN_S,
                close_timeout=CLOSE_S,
                proxy=None,
            )
        except InvalidStatus as error:
            raise RecognitionFailed(f"the gateway answered HTTP {error.response.status_code}") from None
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            raise RecognitionFailed(f"the gateway cannot be reached: {type(error).__name__}") from error
        self._reading = asyncio.create_task(self._read(self._socket), name="transcription")
        if key_terms:
            await self._send(msgspec.json.encode({"type": "configure", "key_terms": key_terms}).decode())

    async def send(self, pcm: bytes) -> None:
        """Sends audio about in real time."""
        size = self._rate * _PIECE_MS // 1000 * 2
        for begin in range(0, len(pcm), size):
            piece = pcm[begin : begin + size]
            now = time.monotonic()
            await asyncio.sleep(max(0.0, self._pace.ahead_ms(now) - _LEAD_MS) / 1000)
            self._pace.admit(len(piece) / 2 / self._rate * 1000, time.monotonic())
            await self._send(piece)

    async def finish(self) -> str:
        """The whole text, once the gateway has recognised everything."""
        await self._send('{"type":"end"}')
        assert self._socket is not None
        assert self._reading is not None
        try:
            async with asyncio.timeout(self._options.transcript_timeout_ms / 1000):
                await self._reading
        except TimeoutError:
            raise RecognitionFailed("the gateway did not recognise the audio in time") from None
        if self._socket.close_code != 1000:
            raise RecognitionFailed(self._error)
        return self._shown

    async def _send(self, frame: str | bytes) -> None:
        assert self._socket is not None
        try:
            async with asyncio.timeout(self._options.send_timeout_ms / 1000):
                await self._socket.send(frame)
        except (ConnectionClosed, TimeoutError):
            raise RecognitionFailed(self._error) from None

    async def _read(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed, msgspec.DecodeError):  # the close code shows that it ended early
            async for frame in socket:
                match _decoder.decode(frame):
                    case native.PartialMessage(stable=text):
                        await self._extend(text)
                    case native.FinalMessage(text=text):
                        await self._extend(text)
                        self._finals = self._shown
                    case native.ErrorMessage(code=code, message=message):
                        self._error = f"{code}: {message}"
                    case _:
                        pass

    async def _extend(self, utterance: str) -> None:
        """Shows what is new: the stable text of an utterance only grows, and its final begins with it."""
        blank = " " if self._finals and utterance else ""
        text = f"{self._finals}{blank}{utterance}"
        if len(text) > len(self._shown):
            new, self._shown = text[len(self._shown) :], text
            await self._show(new)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
