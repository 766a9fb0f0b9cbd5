"""The connection to one MCP server: made at the start, and again after it was lost."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from voicegw.errors import ConfigurationError, ToolFailed
from voicegw.reply.endpoints.http_client import http_client
from voicegw.reply.tools.mcp_declarations import McpServer

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, Tool

log = structlog.get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0  # before a connection is tried again
_CONNECT_S = 5.0
_CHECK_S = 15.0  # between two checks whether the server still answers

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
        self._failure = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> "list[Tool]":
        """Connects; returns the server's tools. Raises ConfigurationError when it does not answer in time."""
        self._task = asyncio.create_task(self._run(), name=f"mcp {self.server.name}")
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connected.wait()
                return await self._list_tools()
        except Exception as error:  # noqa: BLE001 - the library raises what its parts raise
            await self.close()
            reason = self._failure or _reason(error)
            raise ConfigurationError(f"MCP server {self.server.name}: no connection: {reason}") from None

    async def close(self) -> None:
        """Closes the connection; a program is ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def call(self, name: str, arguments: dict[str, Any], meta: dict[str, Any]) -> "CallToolResult":
        """Calls a tool, once; waits for a connection first. The caller limits the time. Raises ToolFailed."""
        from mcp import MCPError

        await self._connected.wait()
        client = self._client
        assert client is not None, "it is connected"
        try:
            return await client.call_tool(name, arguments, meta=meta or None)  # type: ignore[arg-type]  # any keys
        except MCPError as error:
            if _is_lost(error):
                self._lose()
                raise ToolFailed("the server of the tool was lost; whether it acted is unknown") from None
            raise ToolFailed(error.message) from None
        except Exception as error:  # noqa: BLE001 - as above
            self._lose()
            raise ToolFailed(f"no answer from the server of the tool: {type(error).__name__}") from None

    def _lose(self) -> None:
        """The connection is lost: later calls wait for the next one."""
        self._connected.clear()
        self._lost.set()

    # --- the task ---

    async def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while True:
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
            await asyncio.sleep(wait_s)
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
        from mcp import Client, StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client

        async with AsyncExitStack() as stack:
            if self.server.url is not None:
                http = await stack.enter_async_context(http_client(_CONNECT_S))
                http.headers.update(self.server.headers)
                transport = streamable_http_client(self.server.url, http_client=http)
            else:
                program, *arguments = self.server.command
                parameters = StdioServerParameters(
                    command=program, args=arguments, env=self.server.environment
                )
                transport = stdio_client(parameters, stack.enter_context(_nowhere()))
            client = Client(transport, message_handler=self._receive, cache=None)
            async with asyncio.timeout(self._timeout_s):
                await stack.enter_async_context(client)
            yield client

    async def _receive(self, message: object) -> None:
        """Receives what the server sends by itself."""
        from mcp.types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            log.warning("an MCP server has other tools; they are read at a start", server=self.server.name)

    async def _list_tools(self) -> "list[Tool]":
        assert self._client is not None, "it is connected"
        tools: list[Tool] = []
        cursor: str | None = None
        while True:
            page = await self._client.list_tools(cursor=cursor)
            tools += page.tools
            cursor = page.next_cursor
            if not cursor:
                return tools


def _nowhere() -> TextIO:
    """Where the log of a program goes: it may contain what users say."""
    return open(os.devnull, "w", encoding="utf-8")


def _is_lost(error: Any) -> bool:
    from mcp.types import CONNECTION_CLOSED

    return bool(error.error.code == CONNECTION_CLOSED)


def _reason(error: BaseException) -> str:
    """A short reason, from within the groups of exceptions that the library raises."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:300] if str(error) else type(error).__name__
