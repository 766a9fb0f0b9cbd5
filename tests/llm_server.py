"""A language model endpoint for tests and benchmarks: a real HTTP server on loopback that streams chat
completions, fails in the ways endpoints fail, and remembers what it was asked and when.

    async with LLMServer(tokens=["Hel", "lo"], first_token_delay_s=0.1) as server:
        ...  # ask server.url
    assert server.exchanges[0].first_token_s is not None

The knobs may be turned between requests.
"""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

_USUAL = "tool_calls where there are some, stop otherwise"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Ending(Enum):
    """What follows the last token."""

    COMPLETE = auto()  # finish reason, usage, [DONE]
    UNFINISHED = auto()  # a proper end of the HTTP body, but no finish reason and no [DONE]
    EMPTY = auto()  # a proper end of the HTTP body, before any event
    CUT = auto()  # the connection is dropped in the middle of the body
    ERROR = auto()  # an error event
    GARBLED = auto()  # an event that is not JSON


@dataclass(frozen=True)
class Answer:
    """One answer, where it is not as the server's knobs say.

    tokens: what is streamed; in place of a text a delta, a whole choice (with a "delta" in it), or bytes that
    are sent as they are. tool_calls: (name, arguments as JSON), each streamed in fragments behind the tokens.
    finish: the reason that a complete answer ends with, if not the usual one; None for none. retry_after,
    retry_after_ms: headers that go with an error. page: content type and body in place of a stream or of the
    usual error.
    """

    tokens: Sequence[Any] = ()
    tool_calls: Sequence[tuple[str, str]] = ()
    first_token_delay_s: float = 0.0
    token_delay_s: float = 0.0
    status: int = 200
    ending: Ending = Ending.COMPLETE
    retry_after: str | None = None
    retry_after_ms: str | None = None
    finish: str | None = _USUAL
    page: tuple[str, str] | None = None


@dataclass(eq=False)
class Exchange:
    """One request and how it went; times are `time.monotonic()` seconds, None until it happens."""

    body: dict[str, Any]
    authorization: str | None
    connection: int
    received_s: float
    first_token_s: float | None = None
    disconnected_s: float | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    traceparent: str = ""

    @property
    def disconnected(self) -> bool:
        """Whether the client left before the end of the answer."""
        return self.disconnected_s is not None


@dataclass(eq=False)
class LLMServer:
    """Answers every request with `tokens`, or with an error when `status` is not 200.

    The first token goes out `first_token_delay_s` after the request is here, each further one `token_delay_s`
    after the one before. `chunk_bytes` is the size of the HTTP chunks, wherever that cuts a character; None
    gives each event its own. With `refuse`, nobody listens on the port; with `tls`, by a certificate that
    nobody trusts. `asked` is set by the first request. What `script` makes of a request's body is the answer,
    unless that is None; then `answers` are given, one to a request; then what the knobs say. Of an answer to
    a request for one token, the first is sent. `usage` is what complete answers say that they have used.
    """

    tokens: Sequence[str] = ("Hello", " there", ".")
    first_token_delay_s: float = 0.0
    token_delay_s: float = 0.0
    status: int = 200
    ending: Ending = Ending.COMPLETE
    chunk_bytes: int | None = None
    refuse: bool = False
    tls: bool = False
    answers: list[Answer] = field(default_factory=list)
    usage: dict[str, object] = field(default_factory=lambda: {"completion_tokens": 3})
    script: Callable[[dict[str, Any]], Answer | None] = lambda body: None
    exchanges: list[Exchange] = field(default_factory=list, init=False)
    asked: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    connections: int = field(default=0, init=False)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)  # without it, asyncio leaves Nagle's delay on
        self._socket.bind(("127.0.0.1", 0))
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        if self.refuse:
            self._server = None
        else:
            tls = _own_certificate() if self.tls else None
            self._server = await asyncio.start_server(self._accept, sock=self._socket, ssl=tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
        self._socket.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer, self.connections)
        except asyncio.CancelledError:
            pass  # by __aexit__; Python 3.11's streams would report a cancelled handler as an error
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        """Answers one connection's requests. The next one is awaited while the last is being answered: its
        absence for good shows that the client has left."""
        async with asyncio.TaskGroup() as group:
            upcoming = group.create_task(_read(reader, connection))
            while (exchange := await upcoming) is not None:
                self.exchanges.append(exchange)
                self.asked.set()
                upcoming = group.create_task(_read(reader, connection))
                answer = group.create_task(self._answer(exchange, writer))
                await asyncio.wait({answer, upcoming}, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done() and upcoming.result() is None:
                    exchange.disconnected_s = time.monotonic()
                    answer.cancel()
                await asyncio.wait({answer})
                exchange.over.set()

    async def _answer(self, exchange: Exchange, writer: asyncio.StreamWriter) -> None:
        answer = self.script(exchange.body) or (self.answers.pop(0) if self.answers else self._usual())
        if answer.status != 200 or answer.page is not None:
            await _pause(exchange, answer, 0)
            writer.write(_error_response(answer, exchange))
            if answer.ending is Ending.CUT:
                await writer.drain()
                writer.close()
            return
        if _asks_for_one_token(exchange.body) and answer.tokens:
            answer = replace(answer, tokens=answer.tokens[:1], tool_calls=(), finish="length")
        writer.write(_HEAD)
        if answer.ending is Ending.EMPTY:
            writer.write(b"0\r\n\r\n")
            return
        self._send(writer, b": a comment, as some endpoints send while they wait\n\n")
        self._send(writer, _event({"role": "assistant", "content": None}))
        deltas = [*answer.tokens, *_call_deltas(answer.tool_calls)]
        for number, delta in enumerate(deltas):
            await _pause(exchange, answer, number)
            exchange.first_token_s = exchange.first_token_s or time.monotonic()
            self._send(writer, delta if isinstance(delta, bytes) else _event(delta))
        await _pause(exchange, answer, len(deltas))
        self._end(writer, answer)

    def _usual(self) -> Answer:
        return Answer(self.tokens, (), self.first_token_delay_s, self.token_delay_s, self.status, self.ending)

    def _end(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        if answer.ending is Ending.CUT:
            writer.transport.abort()
            return
        if answer.ending is Ending.ERROR:
            self._send(writer, b'data: {"error": {"message": "out of memory"}}\n\n')
        if answer.ending is Ending.GARBLED:
            self._send(writer, b"data: <html>\n\n")
        if answer.ending is Ending.COMPLETE:
            usual = "tool_calls" if answer.tool_calls else "stop"
            self._send(writer, _event({}, usual if answer.finish == _USUAL else answer.finish))
            usage = json.dumps({"choices": [], "usage": self.usage})
            self._send(writer, f"data: {usage}\n\n".encode())
            self._send(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")

    def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Writes `data` as HTTP chunks."""
        size = self.chunk_bytes or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))


def _own_certificate() -> ssl.SSLContext:
    """The server's side of TLS, with a certificate that nobody trusts."""
    import trustme  # the benchmarks do without it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _asks_for_one_token(body: dict[str, Any]) -> bool:
    return 1 in (body.get("max_tokens"), body.get("max_completion_tokens"))


async def _pause(exchange: Exchange, answer: Answer, number: int) -> None:
    """Waits until token `number` is due."""
    if number == 0:
        await asyncio.sleep(exchange.received_s + answer.first_token_delay_s - time.monotonic())
    else:
        await asyncio.sleep(answer.token_delay_s)


def _call_deltas(calls: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Calls as endpoints stream them: name and id first, then the arguments in pieces, the calls in turns."""
    begin = [
        {"index": index, "id": f"call_{index}_{name}", "function": {"name": name, "arguments": ""}}
        for index, (name, _) in enumerate(calls)
    ]
    halves = [
        {"index": index, "function": {"arguments": part}}
        for half in (0, 1)
        for index, (_, text) in enumerate(calls)
        for part in [text[: len(text) // 2] if half == 0 else text[len(text) // 2 :]]
    ]
    return [{"tool_calls": [fragment]} for fragment in (*begin, *halves)]


async def _read(reader: asyncio.StreamReader, connection: int) -> Exchange | None:
    """The connection's next request; None when the client has left."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = (line.partition(":") for line in head.splitlines()[1:])
        fields = {name.strip().lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(fields["content-length"]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Exchange(
        *(json.loads(body), fields.get("authorization"), connection, time.monotonic()),
        traceparent=fields.get("traceparent", ""),
    )


def _event(token: Any, finish_reason: str | None = None) -> bytes:
    """One chunk of a completion as a server-sent event, in UTF-8 except for what UTF-8 cannot hold."""
    delta = token if isinstance(token, dict) else {"content": token}
    choice = delta if "delta" in delta else {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "test", "choices": [choice]}
    try:
        return b"data: %b\n\n" % json.dumps(chunk, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return b"data: %b\n\n" % json.dumps(chunk).encode()


def _error_response(answer: Answer, exchange: Exchange) -> bytes:
    """An error that repeats the caller's key and words, as careless endpoints do."""
    message = f"{exchange.authorization} may not ask {exchange.body['messages']}"
    usual = ("application/json", json.dumps({"error": {"message": message, "code": "test_code"}}))
    kind, text = answer.page or usual
    body = text.encode()
    head = [f"HTTP/1.1 {answer.status} As told", f"Content-Type: {kind}"]
    head += [f"Content-Length: {len(body) + (answer.ending is Ending.CUT)}"]
    for name, value in (("Retry-After", answer.retry_after), ("Retry-After-Ms", answer.retry_after_ms)):
        if value is not None:
            head += [f"{name}: {value}"]
    return "\r\n".join([*head, "", ""]).encode() + body
