"""One HTTP request and its response, on a connection that is then closed. h11 reads and writes the protocol.

A connection for each request keeps limits simple: each request counts as a connection of its address, and no
idle connection remains.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11
from websockets.datastructures import Headers

from voicegw.errors import InvalidParameter, RequestTooBig
from voicegw.gateway.http.plain_http import MAX_REQUEST_BYTES

_READ_BYTES = 65_536
_WRITE_S = 10.0  # for a client that does not read
_MAX_IGNORED_BYTES = 65_536
_LINGER_S = 2.0
_LINGER_BYTES = 64 * 1024 * 1024
FREE_CHUNKS, CHUNK_BYTES = 4_000, 250  # so many chunks of any length; further ones of this mean length
_EVENTS_PER_TURN = 64  # then others have their turn: one read may have thousands of events


class HttpExchange:
    """The server's side. method, path, query, headers: of the request, after `receive`. started: whether the
    response has begun."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST_BYTES)
        self.method = self.path = self.query = ""
        self.headers = Headers()
        self.started = False
        self._received = asyncio.Event()  # the whole request

    async def receive(self) -> bool:
        """Reads the request's head; False when the client has left. Raises InvalidParameter for what is not
        HTTP."""
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return False
        self.method = event.method.decode("ascii")
        self.path, _, self.query = event.target.decode("ascii", "replace").partition("?")
        self.headers = Headers([(name.decode(), value.decode("latin-1")) for name, value in event.headers])
        return True

    async def body(self, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The request's body, piece by piece. Raises RequestTooBig, and InvalidParameter for what is not
        HTTP or has too many chunks."""
        too_big = RequestTooBig(f"the request is longer than {max_bytes} bytes")
        length = self.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > max_bytes:
            raise too_big
        if self._protocol.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        size = events = chunks = 0
        while isinstance(event := await self._next_event(), h11.Data):
            size += len(event.data)
            chunks += event.chunk_start
            if size > max_bytes:
                raise too_big
            if chunks > FREE_CHUNKS + size // CHUNK_BYTES:
                raise InvalidParameter("the body has too many chunks")
            yield bytes(event.data)
            events += 1
            if events % _EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def until_gone(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work`; cancels it when the client has left after the whole request has arrived."""
        working = asyncio.create_task(work, name="rest answer")
        leaving = asyncio.create_task(self._gone(), name="rest client")
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def _gone(self) -> None:
        """One request is answered; a client that sends much more counts as gone, too."""
        await self._received.wait()
        left = _MAX_IGNORED_BYTES
        with suppress(OSError):
            while left > 0 and (data := await self._reader.read(_READ_BYTES)):
                left -= len(data)

    async def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Sends the whole response."""
        await self.begin(status, {**headers, "Content-Length": str(len(body))})
        await self.send(b"" if self.method == "HEAD" else body)
        await self.end()

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Begins the response."""
        self.started = True
        fields = {**headers, "Connection": "close"}.items()
        encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields]
        reason = HTTPStatus(status).phrase.encode()
        await self._send(h11.Response(status_code=status, headers=encoded, reason=reason))

    async def send(self, data: bytes) -> None:
        """Sends the next part of the response's body."""
        await self._send(h11.Data(data=data))

    async def end(self) -> None:
        """Ends the response."""
        await self._send(h11.EndOfMessage())

    async def close(self) -> None:
        """Closes the connection. What the client still sends is read for a while: otherwise its system may
        drop the response."""
        try:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    await self._linger()
                    self._writer.close()
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()

    async def _linger(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()
        left = 0 if self._protocol.their_state is h11.DONE else _LINGER_BYTES
        while left > 0 and (data := await self._reader.read(_READ_BYTES)):
            left -= len(data)

    async def _next_event(self) -> object:
        try:
            while (event := self._protocol.next_event()) is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(_READ_BYTES))
            if isinstance(event, h11.EndOfMessage):
                self._received.set()
            return event
        except h11.RemoteProtocolError as error:
            reason = str(error).partition(": bytearray(")[0]  # the library quotes any length
            raise InvalidParameter(f"not an HTTP/1.1 request: {reason}") from None

    async def _send(self, event: h11.Event) -> None:
        """Raises ConnectionError, and TimeoutError for a client that does not read."""
        if data := self._protocol.send(event):
            self._writer.write(data)
            async with asyncio.timeout(_WRITE_S):
                await self._writer.drain()
