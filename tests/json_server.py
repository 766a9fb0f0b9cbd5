"""A real HTTP server on loopback that takes JSON and gives what the test says: the other end of tools and of
moderation.

    async with JsonServer(lambda body: Reply({"sum": body["a"] + body["b"]})) as server:
        ...  # POST to server.url
    assert server.requests[0].body == {"a": 1, "b": 2}
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """`lines` go instead of `value`, `pause_s` apart, as newline-delimited JSON; `raw` in place of both."""

    value: Any = None
    status: int = 200
    delay_s: float = 0.0
    lines: Sequence[Any] = ()
    pause_s: float = 0.0
    raw: bytes | None = None


@dataclass(frozen=True)
class Request:
    """What was asked; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass(eq=False)
class JsonServer:
    """Answers every request with what `answer` makes of its body. `left`: a client has left early."""

    answer: Callable[[Any], Reply]
    requests: list[Request] = field(default_factory=list, init=False)
    left: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if (request := await _read(reader)) is not None:
                self.requests.append(request)
                await self._serve(request, reader, writer)
        except asyncio.CancelledError:
            pass  # by __aexit__
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answers the one request of a connection, unless its client leaves first."""
        answering = asyncio.create_task(_send(writer, self.answer(request.body)))
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.left.set()
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    await asyncio.sleep(reply.delay_s)
    kind = "application/x-ndjson" if reply.lines else "application/json"
    head = f"HTTP/1.1 {reply.status} Whatever\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    if reply.raw is not None:
        writer.write(reply.raw)
    elif not reply.lines:
        writer.write(json.dumps(reply.value).encode())
    for line in reply.lines if reply.raw is None else ():
        writer.write(json.dumps(line).encode() + b"\n")
        await writer.drain()
        await asyncio.sleep(reply.pause_s)
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The connection's request; None when the client has left."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.splitlines()
        fields = (line.partition(":") for line in rest if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(first.split()[1], headers, json.loads(body or b"null"))
