"""The backends of tools: their texts in order, their limits, and their failures."""

from contextlib import aclosing
from typing import Any

import httpx2
import pytest

from tests.json_server import JsonServer, Reply
from voicegw.core.background_calls import AskedCall
from voicegw.errors import ToolFailed
from voicegw.reply.functions.threads import Threads
from voicegw.reply.tools.tool_backends import Backend, FunctionBackend, HttpBackend
from voicegw.reply.tools.tool_declarations import Tool

CALL = AskedCall("c1", "it", "{}", user="Zoë & co", session="s-1")
MAX_BYTES = 100


def tool(**declaration: Any) -> Tool:
    return Tool(name="it", description="It.", **declaration)


def function(name: str, **declaration: Any) -> FunctionBackend:
    declared = tool(entry_point=f"tests.reply.application_functions:{name}", **declaration)
    return FunctionBackend(Threads(1, "test"), declared, MAX_BYTES)


async def texts(backend: Backend, **arguments: Any) -> list[str]:
    async with aclosing(backend.run(arguments, CALL)) as run:
        return [text async for text in run]


async def posted(reply: Reply, **declaration: Any) -> tuple[list[str], JsonServer]:
    async with JsonServer(lambda _: reply) as server, httpx2.AsyncClient() as client:
        declared = tool(url=server.url, **declaration)
        return await texts(HttpBackend(client, declared, MAX_BYTES), a=1), server


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("add", {"a": 2, "b": 3}, ["5"]),
        ("add_later", {"a": 2, "b": 3}, ['{"sum":5}']),
        ("count", {"to": 3}, ["1", "2", "3"]),
        ("shout", {"text": "hey"}, ["HEY"]),
        ("break_in_two", {"text": "a"}, ["a\ufffd"]),
    ],
)
async def test_each_value_of_a_function_is_a_text(
    name: str, arguments: dict[str, Any], expected: list[str]
) -> None:
    assert await texts(function(name), **arguments) == expected


async def test_a_function_gets_the_caller_if_it_declares_that() -> None:
    assert await texts(function("tell", tell_caller=True)) == ['{"user":"Zoë & co","session":"s-1"}']


async def test_the_result_of_a_function_is_limited() -> None:
    with pytest.raises(ToolFailed, match="longer than 100 bytes"):
        await texts(function("long"))


@pytest.mark.parametrize("name", ["leave", "leave_later", "leave_on_the_way", "give_up"])
async def test_a_function_cannot_end_the_server_or_the_task(name: str) -> None:
    with pytest.raises(RuntimeError) as failed:
        await texts(function(name))
    assert "hunter2" not in str(failed.value)


async def test_arguments_are_posted_and_the_answer_is_the_result() -> None:
    found, server = await posted(Reply({"b": 2}))
    assert found == ['{"b": 2}']
    assert server.requests[0].body == {"a": 1}
    assert "x-voicegw-user" not in server.requests[0].headers


async def test_the_caller_is_in_headers_in_ascii() -> None:
    _, server = await posted(Reply(1), tell_caller=True)
    headers = server.requests[0].headers
    assert (headers["x-voicegw-user"], headers["x-voicegw-session"]) == ("Zo%C3%AB%20%26%20co", "s-1")


async def test_lines_are_progress_and_the_last_is_the_result() -> None:
    found, _ = await posted(Reply(lines=[1, {"a": 2}, 3]))
    assert found == ["1", '{"a": 2}', "3"]


async def test_an_empty_body_is_null() -> None:
    assert (await posted(Reply(raw=b"")))[0] == ["null"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("the password is hunter2", status=500), "^HTTP 500$"),
        (Reply("no such city", status=404), "^HTTP 404: .*no such city"),
        (Reply(lines=["no such city"], status=422), "^HTTP 422: .*no such city"),
        (Reply("x" * 200), "longer than 100 bytes"),
        (Reply(lines=["x" * 200]), "longer than 100 bytes"),
        (Reply(raw=b"<html>"), "not JSON"),
        (Reply(raw=b"[" * 99), "not JSON"),
    ],
)
async def test_an_invalid_response_is_a_failure_with_its_reason(reply: Reply, reason: str) -> None:
    with pytest.raises(ToolFailed, match=reason):
        await posted(reply)


async def test_the_error_of_a_refused_connection_hides_the_address() -> None:
    async with httpx2.AsyncClient() as client:
        backend = HttpBackend(client, tool(url="http://127.0.0.1:9/hunter2"), MAX_BYTES)
        with pytest.raises(ToolFailed, match="no answer from the tool: ConnectError") as failed:
            await texts(backend)
    assert "hunter2" not in str(failed.value)
