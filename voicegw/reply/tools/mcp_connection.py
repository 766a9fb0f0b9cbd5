"""The connection to one MCP server: made at the start, and again after it was lost."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog

from voicegw.errors import ConfigurationError, ToolFailed
from voicegw.reply.endpoints.http_client import http_client
from voicegw.reply.tools.mcp_declarations import McpServer
from voicegw.reply.tools.mcp_program import MAX_MESSAGE_BYTES, mcp_program

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, Tool

log = structlog.get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0  # before a connection is tried again
_CONNECT_S = _CLOSE_S = 5.0
_CHECK_S = 15.0  # between two checks whether the server still answers
_MAX_TOOL_PAGES = 100  # of a server's list of its tools

logging.getLogger("mcp").setLevel(logging.CRITICAL)  # its warnings quote what servers send


class McpConnection:
    """One task holds the connection: the library wants it closed by the task that opened it.

    timeout_s: for connecting and for each check of the connection.
    """

    def __init__(self, server: McpServer, timeout_s: float) -> None:
        self.server = server
        self._timeout_s = timeout_s
        self._client: Client | None = None
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()
        self._closing = asyncio.Event()
        self._failure = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> "list[Tool]":
        """Connects; returns the server's tools. Raises ConfigurationError when it does not answer in time."""
        self._task = asyncio.create_task(self._run(), name=f"mcp {self.server.name}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await _list_tools(await self._connection())
        except Exception as error:  # noqa: BLE001 - the library raises what its parts raise
            await self.close()
            reason = self._failure or _reason(error)
            raise ConfigurationError(f"MCP server {self.server.name}: no connection: {reason}") from None

    async def close(self) -> None:
        """Closes the connection; a program is ended."""
        self._closing.set()  # the library loses a cancellation that comes while a connection fails
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=_CLOSE_S)

    async def call(self, name: str, arguments: dict[str, Any], meta: dict[str, Any]) -> "CallToolResult":
        """Calls a tool, once; waits for a connection first. The caller limits the time. Raises ToolFailed."""
        from mcp import MCPError

        client = await self._connection()
        try:
            return await client.call_tool(name, arguments, meta=meta or None)  # type: ignore[arg-type]  # any keys
        except Exception as error:  # noqa: BLE001 - as above
            if _is_lost(error):
                self._lose()
                raise ToolFailed("the server of the tool was lost; whether it acted is unknown") from None
            if isinstance(error, MCPError):
                raise ToolFailed(error.message) from None
            reason = f"an answer that does not have the declared form ({type(error).__name__})"
            raise ToolFailed(f"the server of the tool sent {reason}") from None

    async def _connection(self) -> "Client":
        """The connection, once there is one: it may be lost again before a waiting task runs."""
        while self._client is None or not self._connected.is_set():
            await self._connected.wait()
        return self._client

    def _lose(self) -> None:
        """The connection is lost: later calls wait for the next one."""
        self._connected.clear()
        self._lost.set()

    # --- the task ---

    async def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._closing.is_set():
            begun = time.monotonic()
            try:
                async with self._opened() as client:
                    self._client = client
                    self._lost.clear()
                    self._connected.set()
                    log.info("connected to an MCP server", server=self.server.name)
                    await self._watch(client)
            except Exception as error:  # noqa: BLE001 - the library raises groups of what its parts raise
                self._failure = _reason(error)
            finally:
                self._connected.clear()
                self._client = None
            if time.monotonic() - begun > _LONGEST_WAIT_S:
                wait_s = _FIRST_WAIT_S
            log.warning("no connection to an MCP server", server=self.server.name, reason=self._failure)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _watch(self, client: "Client") -> None:
        """Returns when the connection is lost."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._lost.wait()
            except TimeoutError:
                async with asyncio.timeout(self._timeout_s):
                    await client.list_tools(cache_mode="bypass")
        self._failure = "it has closed the connection"

    @asynccontextmanager
    async def _opened(self) -> "AsyncGenerator[Client]":
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        from voicegw.reply.tools.mcp_http import limit_answers

        async with AsyncExitStack() as stack:
            if self.server.url is not None:
                http = await stack.enter_async_context(http_client(_CONNECT_S))
                http.headers.update(self.server.headers)
                limit_answers(http, MAX_MESSAGE_BYTES)
                transport = streamable_http_client(
                    self.server.url,
                    http_client=http,
                    terminate_on_close=False,  # it may never answer that
                )
            else:
                transport = mcp_program(self.server.command, self.server.environment)
            client = Client(transport, message_handler=self._receive, cache=None)
            async with asyncio.timeout(self._timeout_s):
                await stack.enter_async_context(client)
            yield client

    async def _receive(self, message: object) -> None:
        """Receives what the server sends by itself."""
        from mcp.types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            log.warning("an MCP server has other tools; they are read at a start", server=self.server.name)


async def _list_tools(client: "Client") -> "list[Tool]":
    """All tools. Raises ToolFailed for a list that does not end."""
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MAX_TOOL_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            return tools
    raise ToolFailed(f"its list of tools has over {_MAX_TOOL_PAGES} pages")


def _is_lost(error: Exception) -> bool:
    """Whether the connection is lost, and not only the call: the library also raises for a result that it
    does not accept."""
    import anyio
    import httpx2
    from mcp import MCPError
    from mcp.types import CONNECTION_CLOSED

    if isinstance(error, MCPError):
        return error.error.code == CONNECTION_CLOSED
    streams = anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream
    return isinstance(error, (OSError, httpx2.HTTPError, *streams))


def _reason(error: BaseException) -> str:
    """A short reason, from within the groups of exceptions that the library raises."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:300] if str(error) else type(error).__name__
