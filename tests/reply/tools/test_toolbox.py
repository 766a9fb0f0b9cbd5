"""Tool calls over HTTP and of Python functions: in every case the model gets a result in time."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
import structlog

from tests.json_server import JsonServer, Reply
from tests.observing import PATIENCE_S
from tests.spans import Spans
from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolAnswered, ToolCalled
from voicegw.errors import ConfigurationError
from voicegw.reply.tools.mcp_connection import McpConnection
from voicegw.reply.tools.mcp_declarations import McpServer
from voicegw.reply.tools.mcp_tools import McpBackend
from voicegw.reply.tools.tool_declarations import Tool, ToolOptions
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.telemetry import Metrics

NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a"],
}


@asynccontextmanager
async def toolbox(metrics: Metrics | None = None, **declaration: Any) -> AsyncIterator[Toolbox]:
    """A toolbox with one tool, `it`, whose calls take at most 1 s and whose results at most 1000 bytes."""
    tool = {"name": "it", "description": "It.", "timeout_ms": 10_000} | declaration
    box = Toolbox(ToolOptions(functions=(tool,), max_result_bytes=1000), metrics or Metrics())
    try:
        yield box
    finally:
        await box.close()


async def answer(arguments: str = "{}", **declaration: Any) -> ToolAnswered:
    async with toolbox(**declaration) as box:
        return await box.call(ToolCalled("c1", "it", arguments))


async def function(name: str, arguments: str = "{}", **declaration: Any) -> tuple[str, bool]:
    answered = await answer(arguments, entry_point=f"tests.reply.application_functions:{name}", **declaration)
    return answered.content, answered.ok


async def http(reply: Reply, **declaration: Any) -> tuple[str, bool]:
    async with JsonServer(lambda _: reply) as server:
        answered = await answer(url=server.url, **declaration)
    return answered.content, answered.ok


@pytest.mark.parametrize(
    ("name", "arguments", "content"),
    [
        ("add", '{"a": 2, "b": 3}', "5"),
        ("add_later", '{"a": 2, "b": 3}', '{"sum":5}'),
        ("shout", '{"text": "hey"}', "HEY"),
        ("count", '{"to": 3}', "3"),
    ],
)
async def test_a_function_is_called_with_keywords(name: str, arguments: str, content: str) -> None:
    assert await function(name, arguments, parameters={"type": "object"}) == (content, True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fail", "the tool raised ValueError"),
        ("decline", "there is no such city"),
        ("break_down_in_two", "no \ufffd"),
        ("add", "the tool raised TypeError"),
        ("give_an_object", "TypeError"),
        ("long", "longer than 1000 bytes"),
        ("run_out_of_time", "the tool raised TimeoutError"),
    ],
)
async def test_a_failure_of_a_function_is_a_result(name: str, reason: str) -> None:
    content, ok = await function(name)
    assert not ok
    assert reason in json.loads(content)["error"]


@pytest.mark.parametrize("name", ["lose_a_password", "leave", "leave_later", "leave_on_the_way", "give_up"])
async def test_the_message_of_an_exception_is_neither_sent_nor_logged(
    name: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    content, ok = await function(name)
    assert not ok
    assert "the tool raised" in content
    assert "hunter2" not in f"{content}{caplog.text}{capsys.readouterr()}"


async def test_half_a_surrogate_pair_in_a_result_is_replaced() -> None:
    content, ok = await function("break_in_two", '{"text": "hi"}', parameters={"type": "object"})
    assert (content, ok) == ("hi\ufffd", True)


@pytest.mark.parametrize("name", ["hang", "doze"])
async def test_a_function_has_a_time_limit(name: str) -> None:
    content, ok = await function(name, timeout_ms=50)
    assert (json.loads(content), ok) == ({"error": "no result within 50 ms"}, False)


async def test_the_arguments_are_posted_as_json() -> None:
    async with JsonServer(lambda body: Reply({"sum": body["a"] + body["b"]})) as server:
        answered = await answer('{"a": 2, "b": 3}', url=f"{server.url}/add", headers={"X-Key": "k"})
    assert answered == ToolAnswered("c1", "it", '{"sum": 5}', ok=True)
    (request,) = server.requests
    assert (request.path, request.headers["x-key"], request.body) == ("/add", "k", {"a": 2, "b": 3})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply({"reason": "no such city"}, status=404), 'HTTP 404: {"reason": "no such city"}'),
        (Reply(status=500, raw=b""), "HTTP 500"),
        (Reply({"trace": "postgres://shop:hunter2@10.0.0.9"}, status=500), "HTTP 500"),
        (Reply(status=500, raw=b"", lines=["none is sent"]), "HTTP 500"),
        (Reply(raw=b"<html>"), "the result is not JSON"),
        (Reply("x" * 1000), "longer than 1000 bytes"),
        (Reply(lines=["x" * 1000]), "longer than 1000 bytes"),
    ],
)
async def test_an_http_failure_is_a_result(reply: Reply, reason: str) -> None:
    content, ok = await http(reply)
    assert not ok
    assert reason in json.loads(content)["error"]
    assert "hunter2" not in content


async def test_an_empty_body_is_null() -> None:
    assert await http(Reply(raw=b"")) == ("null", True)


async def test_a_refused_connection_is_a_result() -> None:
    answered = await answer(url="http://127.0.0.1:9")
    assert "no answer from the tool" in answered.content


async def test_an_http_tool_has_a_time_limit_and_its_connection_is_closed() -> None:
    async with JsonServer(lambda _: Reply(delay_s=2 * PATIENCE_S)) as server:
        answered = await answer(url=server.url, timeout_ms=100)
        assert "no result within 100 ms" in answered.content
        await asyncio.wait_for(server.left.wait(), PATIENCE_S)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ('{"a": 1', "not JSON"),
        ("[1]", "is not of type 'object'"),
        ("{}", "'a' is a required property"),
        ('{"a": "one"}', "arguments.a: 'one' is not of type 'integer'"),
        ('{"a": "' + "x" * 70_000 + '"}', "too long"),
    ],
)
async def test_arguments_are_checked_before_the_call(arguments: str, reason: str) -> None:
    answered = await answer(
        arguments, entry_point="tests.reply.application_functions:add", parameters=NUMBERS
    )
    assert not answered.ok
    assert reason in json.loads(answered.content)["error"]


async def test_a_reference_in_a_schema_is_not_downloaded() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    answered = await answer(
        '{"a": 1}', entry_point="tests.reply.application_functions:add", parameters=schema
    )
    assert "cannot be resolved" in json.loads(answered.content)["error"]


async def test_an_unknown_tool_is_named_in_the_result() -> None:
    async with toolbox(entry_point="tests.reply.application_functions:add") as box:
        answered = await box.call(ToolCalled("c1", "that", "{}"))
    assert json.loads(answered.content) == {"error": "there is no tool 'that'; there are it"}


async def test_the_name_of_an_unknown_tool_is_neither_logged_nor_traced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spans, written = Spans(monkeypatch), "my password is\n" * 1_000
    with structlog.testing.capture_logs() as records:
        async with toolbox(entry_point="tests.reply.application_functions:add") as box:
            await box.call(ToolCalled("c1", written, "{}"))
    assert [(record["event"], record["tool"]) for record in records] == [("tool failed", "unknown")]
    span = spans.one("execute_tool unknown")
    assert "password" not in str(dict(span.attributes or {}))


@pytest.mark.parametrize(
    "path",
    [
        "tests.reply.application_functions:nothing",
        "tests.nowhere:f",
        "nocolon",
        "tests.reply.application_functions:NOT_A_FUNCTION",
    ],
)
def test_an_invalid_entry_point_stops_the_start(path: str) -> None:
    tool = {"name": "it", "description": "It.", "entry_point": path}
    with pytest.raises(ConfigurationError, match="tool it: "):
        Toolbox(ToolOptions(functions=(tool,)), Metrics())


async def updates(box: Toolbox, arguments: str = "{}") -> list[CallProgress]:
    async with aclosing(box.run(ToolCalled("c1", "it", arguments))) as reports:
        return [report async for report in reports]


async def test_a_generator_reports_progress() -> None:
    async with toolbox(
        entry_point="tests.reply.application_functions:count", parameters={"type": "object"}
    ) as box:
        reports = await updates(box, '{"to": 2}')
    assert reports == [CallProgress("1"), CallProgress("2"), CallProgress("2", done=True)]


async def test_lines_are_progress_and_arrive_separately() -> None:
    async with (
        JsonServer(lambda _: Reply(lines=["half", "done"], pause_s=2 * PATIENCE_S)) as server,
        toolbox(url=server.url, background=True) as box,
        aclosing(box.run(ToolCalled("c1", "it", "{}"))) as reports,
    ):
        assert await asyncio.wait_for(anext(reports), PATIENCE_S) == CallProgress('"half"')


async def test_very_many_lines_are_read_in_linear_time() -> None:
    begun = time.thread_time()
    result = await http(Reply(raw=b"\n" * 1_000_000 + b"7", lines=["none is sent"]), timeout_ms=60_000)
    assert time.thread_time() - begun < 2  # far more, if what is left were copied for each of them
    assert result == ("7", True)


async def test_the_last_line_is_the_result() -> None:
    assert await http(Reply(lines=["half", {"seat": 7}])) == ('{"seat": 7}', True)


@pytest.mark.parametrize("name", ["tell", "tell_later"])
async def test_the_server_sets_the_caller_whatever_the_model_writes(name: str) -> None:
    declaration: dict[str, Any] = {
        "entry_point": f"tests.reply.application_functions:{name}",
        "parameters": {"type": "object"},
    }
    call = AskedCall("c1", "it", '{"caller": {"user": "the boss"}}', "alice", "s1")
    async with toolbox(**declaration, tell_caller=True) as box:
        answered = await box.call(call)
    assert json.loads(answered.content) == {"user": "alice", "session": "s1"}
    async with toolbox(**declaration) as box:
        answered = await box.call(AskedCall("c1", "it", "{}", "alice", "s1"))
    assert not answered.ok


async def test_an_http_tool_gets_the_caller_in_headers_if_it_declares_that() -> None:
    async with JsonServer(lambda _: Reply(1)) as server:
        for tell_caller in (True, False):
            async with toolbox(url=server.url, headers={"X-Key": "k"}, tell_caller=tell_caller) as box:
                await box.call(AskedCall("c1", "it", '{"a": 2}', "Åsa\nX-Key: x", "s1"))
    declared, undeclared = server.requests
    assert declared.headers["x-voicegw-user"] == "%C3%85sa%0AX-Key%3A%20x"
    assert (declared.headers["x-voicegw-session"], declared.headers["x-key"], declared.body) == (
        "s1",
        "k",
        {"a": 2},
    )
    assert not [name for name in undeclared.headers if name.startswith("x-voicegw")]


def test_the_caller_may_not_be_a_parameter() -> None:
    parameters = {"type": "object", "properties": {"caller": {"type": "string"}}}
    tool = {"name": "it", "description": "It.", "url": "http://x", "parameters": parameters}
    with pytest.raises(ConfigurationError, match="caller"):
        Toolbox(ToolOptions(functions=(tool | {"tell_caller": True},)), Metrics())


async def test_the_length_of_the_definitions_is_known() -> None:
    async with toolbox(entry_point="tests.reply.application_functions:add", parameters=NUMBERS) as box:
        assert box.definition_characters > len(json.dumps(NUMBERS, separators=(",", ":")))
    assert Toolbox(ToolOptions(), Metrics()).definition_characters == 0


async def test_calls_are_counted() -> None:
    metrics = Metrics()
    async with toolbox(metrics, entry_point="tests.reply.application_functions:fail") as box:
        await box.call(ToolCalled("c1", "it", "{}"))
        await box.call(ToolCalled("c2", "that", "{}"))
    count = metrics.registry.get_sample_value
    assert count("voicegw_tool_seconds_count", {"tool": "it", "ok": "no"}) == 1
    assert count("voicegw_tool_seconds_count", {"tool": "unknown", "ok": "no"}) == 1


def test_an_external_tool_has_a_name_of_its_own() -> None:
    declared = {"name": "shop_price", "description": "x", "url": "http://127.0.0.1:9/"}
    other = Tool(name="shop_price", description="y")
    backend = McpBackend(McpConnection(McpServer(name="shop", command=("x",)), 1.0), "price", 1_000)
    with pytest.raises(ConfigurationError, match="shop_price: declared twice"):
        Toolbox(ToolOptions(functions=(declared,)), Metrics(), [(other, backend)])
