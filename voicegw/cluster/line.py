"""Connections for what has to be quick and for what blocks: jobs out, answers in.

A command goes to the socket, and its reply to who waits, in as few steps as there are. What redis-py does
around each command, for pools, retries, streams and its own metrics, finds cold caches when a job comes
alone, and was a fifth of what the way over Redis took. Requests are packed and replies parsed by hiredis. In
a Cluster, commands go by redis-py all the same, which knows the node that is meant.

A blocking read takes a line of its own.
"""

import asyncio
import builtins
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha1
from typing import Any

import hiredis
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, TimeoutError

from voicegw.cluster.connect import Address, Finder, RedisOptions, close, connect, parse

Word = str | bytes | int

_INCOMPLETE = object()
_ABOUT_THE_COMMAND = ("NOSCRIPT", "NOGROUP")


class Line(ABC):
    """Carries one command after the other; who comes meanwhile waits. It connects when it is first used, and
    anew after any trouble; it repeats nothing by itself. Replies are as Redis gives them, names and values in
    flat lists."""

    @abstractmethod
    async def execute(self, *words: Word) -> Any:
        """The reply to a command. Raises RedisError or OSError; ResponseError for what Redis refuses."""

    async def evaluate(self, script: str, keys: Sequence[str], *arguments: Word) -> Any:
        """What a script in Lua returns. Raises what `execute` does."""
        call = (len(keys), *keys, *arguments)
        try:
            return await self.execute("EVALSHA", _digest(script), *call)
        except NoScriptError:
            return await self.execute("EVAL", script, *call)

    @abstractmethod
    async def close(self) -> None:
        """Ends the connection."""


def new_line(options: RedisOptions, *, blocks_ms: int = 0) -> Line:
    """blocks_ms: how long the commands sent on it may block in Redis; the time limit is beyond that.

    Raises ConfigurationError for a URL that cannot be read."""
    address = parse(options.url or "")
    limit_ms = options.timeout_ms + blocks_ms
    if address.kind == "cluster":
        return _ClusterLine(options, limit_ms)
    return _ServerLine(options, address, limit_ms)


@cache
def _digest(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


class _ServerLine(Line):
    """To one server, or to the master that Sentinel names."""

    def __init__(self, options: RedisOptions, address: Address, limit_ms: int) -> None:
        self._address = address
        self._finder = Finder(options, address)
        self._tls = _tls(options) if address.tls else None
        self._connect_limit_s = options.connect_timeout_ms / 1000
        self._limit_s = limit_ms / 1000
        self._turn = asyncio.Lock()
        self._wire: _Wire | None = None

    async def execute(self, *words: Word) -> Any:
        async with self._turn:
            if self._wire is None or self._wire.ended:
                self._wire = await self._connect()
            return await self._wire.ask(words, self._limit_s)

    async def _connect(self) -> "_Wire":
        host, port = await self._finder.find()
        try:
            async with asyncio.timeout(self._connect_limit_s):
                loop = asyncio.get_running_loop()
                _, wire = await loop.create_connection(_Wire, host, port, ssl=self._tls)
        except builtins.TimeoutError:
            raise TimeoutError("Redis could not be reached in time") from None
        for words in self._greeting():
            await wire.ask(words, self._limit_s)
        return wire

    def _greeting(self) -> Iterator[tuple[Word, ...]]:
        if self._address.password is not None:
            user = (self._address.username,) if self._address.username is not None else ()
            yield "AUTH", *user, self._address.password
        if self._address.database:
            yield "SELECT", self._address.database

    async def close(self) -> None:
        if self._wire is not None:
            self._wire.end()
            await self._wire.lost.wait()
        await self._finder.close()


class _Wire(asyncio.Protocol):
    """One connection. Whatever goes wrong with a command ends it: a reply that is still to come would be
    taken for that to the next one, and an error may mean that this is no longer the right server."""

    def __init__(self) -> None:
        self.ended = False
        self.lost = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._parser = hiredis.Reader(replyError=_error, notEnoughData=_INCOMPLETE)
        self._reply: asyncio.Future[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        reply = self._parser.gets()
        if reply is _INCOMPLETE:
            return
        if self._reply is None or self._reply.done() or self._parser.has_data():
            self.end()  # more than was asked for
        else:
            self._reply.set_result(reply)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.lost.set()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ConnectionError(f"Redis is gone: {error or 'it hung up'}"))

    async def ask(self, words: tuple[Word, ...], limit_s: float) -> Any:
        """The reply. Raises ResponseError, ConnectionError or TimeoutError."""
        if self.ended or self._transport is None:
            raise ConnectionError("Redis is gone")
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(hiredis.pack_command(words))  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(limit_s):
                reply = await self._reply
        except builtins.TimeoutError:
            self.end()
            raise TimeoutError("Redis did not answer in time") from None
        except BaseException:
            self.end()
            raise
        if isinstance(reply, ResponseError):
            if not str(reply).startswith(_ABOUT_THE_COMMAND):
                self.end()
            raise reply
        return reply

    def end(self) -> None:
        """Cuts the connection."""
        self.ended = True
        if self._transport is not None:
            self._transport.abort()


class _ClusterLine(Line):
    """To a Cluster, by its client."""

    def __init__(self, options: RedisOptions, limit_ms: int) -> None:
        self._client = connect(replace(options, timeout_ms=limit_ms))
        for command in ("XREAD", "XREADGROUP"):
            self._client.set_response_callback(command, _unchanged)  # type: ignore[arg-type]

    async def execute(self, *words: Word) -> Any:
        return await self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await close(self._client)


def _unchanged(reply: Any, **_options: Any) -> Any:
    return reply


def _error(text: str) -> ResponseError:
    return (NoScriptError if text.startswith("NOSCRIPT") else ResponseError)(text)


def _tls(options: RedisOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.tls_ca_file)
    if options.tls_cert_file is not None:
        context.load_cert_chain(options.tls_cert_file, options.tls_key_file)
    return context
