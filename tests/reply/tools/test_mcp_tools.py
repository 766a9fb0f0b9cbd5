"""Tools of real MCP servers, called through the toolbox."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from tests.observing import PATIENCE_S, children, until
from tests.redis_server import free_port
from tests.reply.tools import mcp_server
from voicegw.core.background_calls import AskedCall
from voicegw.errors import ConfigurationError
from voicegw.reply.tools import mcp_tools
from voicegw.reply.tools.mcp_connection import McpConnection
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.telemetry import Metrics

MODULE = mcp_server.__name__
COMMAND = [sys.executable, "-m", MODULE, "stdio"]
PATHS = {"PYTHONPATH": ":".join(sys.path)}
SHOP = {"name": "shop", "command": COMMAND, "tell_caller": True, "environment": PATHS}
NAMES = {
    "shop_price",
    "shop_greet",
    "shop_fails",
    "shop_long",
    "shop_slow",
    "shop_crash",
    "shop_caller",
    "shop_variable",
}


@asynccontextmanager
async def toolbox(*servers: dict[str, Any], **options: Any) -> AsyncIterator[Toolbox]:
    """A toolbox with the tools of these servers."""
    settings = ToolOptions(mcp=servers, **options)
    async with AsyncExitStack() as stack:
        yield Toolbox(settings, Metrics(), await mcp_tools.connect(settings, stack))


async def called(box: Toolbox, name: str, arguments: str = "{}") -> tuple[bool, str]:
    answered = await box.call(AskedCall("c1", f"shop_{name}", arguments, "alice", "s1"))
    return answered.ok, answered.content


async def check_calls(box: Toolbox) -> None:
    assert {each["function"]["name"] for each in box.definitions} == NAMES
    assert await called(box, "price", '{"item": "tea", "count": 2}') == (True, '{"cents":600}')
    assert await called(box, "greet", '{"name": "Anna"}') == (True, '{"result":"Hello, Anna!"}')
    assert await called(box, "caller") == (True, '{"result":"alice s1"}')
    for name, arguments, reason in (
        ("fails", "{}", "fails"),
        ("long", '{"size": 9000}', "longer than 8000 bytes"),
        ("price", '{"item": 5}', "is not of type"),
    ):
        ok, content = await called(box, name, arguments)
        assert not ok
        assert reason in content


async def test_a_program_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_LLM__API_KEY", "s3cret")
    async with toolbox(SHOP | {"environment": PATHS | {"KEY": "its own"}}) as box:
        names = ("VOICEGW_LLM__API_KEY", "KEY")
        answers = [await called(box, "variable", f'{{"name": "{name}"}}') for name in names]
    assert answers == [(True, '{"result":"none"}'), (True, '{"result":"its own"}')]


async def test_a_program_is_ended_and_started_again() -> None:
    before = children()
    async with toolbox(SHOP) as box:
        await check_calls(box)
        [first] = children() - before
        ok, content = await called(box, "crash")
        assert not ok
        assert "lost" in content
        assert await called(box, "greet", '{"name": "Bob"}') == (True, '{"result":"Hello, Bob!"}')
        assert children() - before - {first}
    await until(lambda: not children() - before)


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[None]:
    """The same server, by HTTP."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE, "streamable-http", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # a tool has ended it
            process.kill()
        await process.wait()


async def test_a_server_by_http_may_be_late_and_may_restart() -> None:
    port = free_port()
    page = {"name": "shop", "url": f"http://127.0.0.1:{port}/mcp", "tell_caller": True, "timeout_ms": 60_000}
    async with listening(port), toolbox(page) as box:
        await check_calls(box)
        await called(box, "crash")
        async with listening(port):
            assert await called(box, "greet", '{"name": "Bob"}') == (True, '{"result":"Hello, Bob!"}')


async def check_long_result(box: Toolbox) -> None:
    begun = time.process_time()
    ok, content = await called(box, "long", '{"size": 20000000}')
    assert time.process_time() - begun < 2, "of this process alone; 11 s with the library's own transport"
    assert (ok, "lost" in content) == (False, True)


async def test_a_result_that_is_far_too_long_is_not_read() -> None:
    async with toolbox(SHOP) as box:
        await check_long_result(box)
        assert await called(box, "greet", '{"name": "Bob"}') == (True, '{"result":"Hello, Bob!"}')


async def test_an_answer_by_http_that_is_far_too_long_is_not_read() -> None:
    port = free_port()
    page = {"name": "shop", "url": f"http://127.0.0.1:{port}/mcp"}
    async with asyncio.timeout(PATIENCE_S), listening(port), toolbox(page) as box:
        await check_long_result(box)  # and the end of the connection while it fails


async def test_a_slow_tool_has_a_time_limit() -> None:
    async with toolbox(SHOP | {"timeout_ms": 200, "tools": ["slow"]}) as box:
        ok, content = await called(box, "slow")
        assert {each["function"]["name"] for each in box.definitions} == {"shop_slow"}
    assert not ok
    assert "no result within 200 ms" in content


async def test_a_stop_that_is_forced_does_not_wait_for_one_server_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closing: list[str] = []

    async def start(_connection: McpConnection) -> list[object]:
        return []

    async def close(connection: McpConnection) -> None:
        closing.append(connection.server.name)
        await asyncio.sleep(1)

    monkeypatch.setattr(McpConnection, "start", start)
    monkeypatch.setattr(McpConnection, "close", close)
    stack = AsyncExitStack()
    servers = ({**SHOP, "name": name, "tools": []} for name in ("shop", "bank"))
    await mcp_tools.connect(ToolOptions(mcp=tuple(servers)), stack)
    stopping = asyncio.create_task(stack.aclose())
    await asyncio.sleep(0.01)
    stopping.cancel()
    await asyncio.sleep(0.01)
    assert stopping.done()
    assert sorted(closing) == ["bank", "shop"]


NOWHERE: Sequence[tuple[dict[str, Any], str]] = (
    ({"name": "shop", "command": ["/nowhere/server"]}, "MCP server shop: no connection: .*nowhere"),
    ({"name": "shop", "command": [sys.executable, "-c", "pass"]}, "MCP server shop: no connection"),
    ({"name": "shop", "url": "http://127.0.0.1:9/mcp"}, "MCP server shop: no connection"),
    (SHOP | {"tools": ["buy"]}, "it has no tool buy"),
)


@pytest.mark.parametrize(("server", "reason"), NOWHERE)
async def test_a_server_that_cannot_be_used_stops_the_start(server: dict[str, Any], reason: str) -> None:
    limit = 20_000 if server.get("tools") else 1_500
    with pytest.raises(ConfigurationError, match=reason):
        async with toolbox(server, mcp_timeout_ms=limit):
            pass
