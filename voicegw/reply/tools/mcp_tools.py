"""The tools of MCP servers, for the toolbox."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from voicegw.core.background_calls import AskedCall
from voicegw.core.text import encodable
from voicegw.errors import ConfigurationError, ToolFailed
from voicegw.reply.tools.mcp_connection import McpConnection
from voicegw.reply.tools.mcp_declarations import MAX_TOOLS, declared_servers, tool_of
from voicegw.reply.tools.tool_backends import Backend
from voicegw.reply.tools.tool_declarations import Tool, ToolOptions

if TYPE_CHECKING:
    from mcp.types import CallToolResult

_DETAIL_CHARACTERS = 300


class McpBackend:
    """Calls one tool of a server. name: its own name there."""

    def __init__(self, connection: McpConnection, name: str, max_bytes: int) -> None:
        self._connection = connection
        self._name = name
        self._max_bytes = max_bytes

    async def run(self, arguments: dict[str, Any], call: AskedCall) -> AsyncGenerator[str, None]:
        """See Backend."""
        meta: dict[str, Any] = {}
        if self._connection.server.tell_caller:
            meta = {"voicegw/user": call.user, "voicegw/session": call.session}
        result = await self._connection.call(self._name, arguments, meta)
        text = _text(result)
        if result.is_error:
            raise ToolFailed(encodable(text)[:_DETAIL_CHARACTERS] or "the tool failed")
        if len(text.encode(errors="replace")) > self._max_bytes:
            raise ToolFailed(f"the result is longer than {self._max_bytes} bytes")
        yield encodable(text)


def _text(result: "CallToolResult") -> str:
    """The structured result as JSON; else the texts, with a note for what is no text."""
    if result.structured_content is not None and not result.is_error:
        return msgspec.json.encode(result.structured_content).decode()
    return "\n".join(getattr(block, "text", None) or f"({block.type} left out)" for block in result.content)


async def connect(options: ToolOptions, stack: AsyncExitStack) -> tuple[tuple[Tool, Backend], ...]:
    """Connects to the declared servers; returns their tools. `stack` closes the connections. Raises
    ConfigurationError."""
    servers = declared_servers(options.mcp)
    if not servers:
        return ()
    _check_installed()
    connections = [McpConnection(server, options.mcp_timeout_ms / 1000) for server in servers]
    stack.push_async_callback(_close, connections)
    found: list[tuple[Tool, Backend]] = []
    for each in await asyncio.gather(*[_tools(connection, options) for connection in connections]):
        found += each
    return tuple(found)


async def _close(connections: Sequence[McpConnection]) -> None:
    """All at once: each may take seconds, and a forced stop cancels only one callback of a stack."""
    await asyncio.gather(*[connection.close() for connection in connections])


async def _tools(connection: McpConnection, options: ToolOptions) -> list[tuple[Tool, Backend]]:
    server = connection.server
    described = {tool.name: tool for tool in await connection.start()}
    if missing := set(server.tools or ()) - set(described):
        raise ConfigurationError(f"MCP server {server.name}: it has no tool {', '.join(sorted(missing))}")
    names = list(described) if server.tools is None else list(server.tools)
    if len(names) > MAX_TOOLS:
        raise ConfigurationError(
            f"MCP server {server.name}: name the ones to use of its {len(names)} `tools`"
        )

    def usable() -> Iterator[tuple[Tool, Backend]]:
        for name in names:
            tool = described[name]
            if made := tool_of(server, name, tool.description or tool.title or "", tool.input_schema):
                yield made, McpBackend(connection, name, options.max_result_bytes)

    return list(usable())


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise ConfigurationError("tools.mcp needs the package mcp: pip install 'voicegw[mcp]'")
