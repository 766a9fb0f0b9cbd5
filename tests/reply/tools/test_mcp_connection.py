"""The connection to one MCP server. Those to real servers are in test_mcp_tools.py."""

import asyncio
from contextlib import nullcontext
from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError
from mcp.types import CONNECTION_CLOSED, INVALID_PARAMS, ListToolsResult

from voicegw.errors import ConfigurationError, ToolFailed
from voicegw.reply.tools.mcp_connection import McpConnection
from voicegw.reply.tools.mcp_declarations import McpServer

pytestmark = pytest.mark.usefixtures("virtual_clock")


class Client:
    """Answers every call, or breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def call_tool(self, name: str, _arguments: dict[str, Any], meta: object) -> str:
        if self.error is not None:
            raise self.error
        return f"{name} done"


def connected(client: Client | None) -> McpConnection:
    connection = McpConnection(McpServer(name="shop", command=("shop",)), 1.0)
    if client is not None:
        connect(connection, client)
    return connection


def connect(connection: McpConnection, client: Any) -> None:
    connection._client = client
    connection._connected.set()


def lose(connection: McpConnection) -> None:
    connection._connected.clear()
    connection._client = None


async def test_a_connection_that_is_lost_before_a_waiting_call_runs() -> None:
    connection = connected(None)
    call = asyncio.create_task(connection.call("buy", {}, {}))
    await asyncio.sleep(0)
    connect(connection, Client())
    lose(connection)
    await asyncio.sleep(1)
    assert not call.done()
    connect(connection, Client())
    assert str(await call) == "buy done"


@pytest.mark.parametrize(
    "error",
    [
        *(MCPError(CONNECTION_CLOSED, "closed"), ConnectionResetError(), httpx2.ReadError("reset")),
        anyio.ClosedResourceError(),
    ],
)
async def test_a_call_that_breaks_the_connection_is_not_repeated(error: Exception) -> None:
    connection = connected(Client(error))
    with pytest.raises(ToolFailed, match="was lost"):
        await connection.call("buy", {}, {})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await connection.call("buy", {}, {})  # waits for another connection


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Invalid structured content"), "sent an answer that does not have the declared form"),
        (ValueError(), "sent an answer that does not have the declared form"),  # as pydantic's errors
        (MCPError(INVALID_PARAMS, "no such item"), "no such item"),
    ],
)
async def test_a_call_that_fails_alone_leaves_the_connection_to_the_others(
    error: Exception, reason: str
) -> None:
    client = Client(error)
    connection = connected(client)
    with pytest.raises(ToolFailed, match=reason):
        await connection.call("buy", {}, {})
    client.error = None
    assert str(await connection.call("buy", {}, {})) == "buy done"


async def test_a_list_of_tools_that_does_not_end_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Client):
        async def list_tools(self, cursor: str | None) -> ListToolsResult:
            return ListToolsResult(tools=[], next_cursor=f"{cursor} and more")

    connection = connected(None)
    monkeypatch.setattr(connection, "_opened", lambda: nullcontext(Endless()))
    with pytest.raises(ConfigurationError, match="over 100 pages"):
        await connection.start()


async def test_ends_although_the_cancellation_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(None)

    async def watch(_client: object) -> None:
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            raise ToolFailed("the connection failed at the same time") from None

    monkeypatch.setattr(connection, "_watch", watch)
    monkeypatch.setattr(connection, "_opened", lambda: nullcontext(Client()))
    connection._task = asyncio.create_task(connection._run())
    await connection._connection()
    await connection.close()
    assert connection._task.done()
