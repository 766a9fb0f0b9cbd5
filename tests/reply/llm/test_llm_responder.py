"""The language model client against a real HTTP server."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest
import structlog

from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, certain
from tests.reply.llm.single_endpoint import KEY, PROMPT, failure, listening, reply, responder
from voicegw import errors
from voicegw.core.events import Message, ToolCalled
from voicegw.core.options import check
from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.core.responder import ReplyRequest
from voicegw.reply.endpoints.http_client import KEEP_ALIVE_S
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_a_reply_is_streamed_token_by_token() -> None:
    async with LLMServer(tokens=["Hel", "lo", " there."]) as server, responder(server.url) as llm:
        assert await reply(llm) == ["Hel", "lo", " there."]


async def test_the_body_of_a_request() -> None:
    async with LLMServer() as server, responder(server.url, max_tokens=7, temperature=0.5) as llm:
        await reply(llm)
        assert llm.name == "tiny"
    body = server.exchanges[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is the secret kept?"},
    ]
    assert (body["model"], body["stream"], body["max_tokens"], body["temperature"]) == ("tiny", True, 7, 0.5)


async def test_a_tool_call_and_its_result_in_the_body() -> None:
    call = ToolCalled("c1", "clock", '{"zone": "UTC"}')
    prompt = (
        *PROMPT,
        Message("assistant", "", (call,)),
        Message("tool", "noon", tool_call_id="c1"),
    )
    async with LLMServer() as server, responder(server.url) as llm:
        await reply(llm, prompt)
    function = {"name": "clock", "arguments": '{"zone": "UTC"}'}
    assert server.exchanges[0].body["messages"][2:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "noon", "tool_call_id": "c1"},
    ]


TOOL = {"type": "function", "function": {"name": "clock", "description": "The time.", "parameters": {}}}


async def test_every_request_has_the_tools() -> None:
    async with LLMServer() as server:
        llm = LLMResponder(LLMOptions(url=server.url, model="tiny"), [TOOL])
        await reply(llm)
        await llm.prewarm(asked(PROMPT[:1]))
        await llm.close()
    assert [exchange.body["tools"] for exchange in server.exchanges] == [[TOOL], [TOOL]]


async def test_tool_calls_follow_the_text() -> None:
    answer = Answer(["One moment."], [("clock", '{"zone": "CET"}'), ("clock", "{}")])
    async with LLMServer(answers=[answer]) as server, responder(server.url) as llm:
        received = await reply(llm)
    assert received == [
        "One moment.",
        ToolCalled("call_0_clock", "clock", '{"zone": "CET"}'),
        ToolCalled("call_1_clock", "clock", "{}"),
    ]


async def test_an_incomplete_tool_call_is_dropped() -> None:
    answer = Answer(tool_calls=[("clock", '{"zone": "CET"}')], ending=Ending.CUT)
    received, error = await failure(LLMServer(answers=[answer]))
    assert (received, type(error)) == ([], errors.LLMInterrupted)


async def test_prewarming_requests_one_token_and_keeps_the_connection_open() -> None:
    async with LLMServer() as server, responder(server.url) as llm:
        await llm.prewarm(asked(PROMPT[:1]))
        await reply(llm)
    assert [exchange.body["max_tokens"] for exchange in server.exchanges] == [1, 300]
    assert server.connections == 1


async def test_an_error_of_prewarming_is_only_logged() -> None:
    async with LLMServer(refuse=True) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records:
            await llm.prewarm(asked(PROMPT[:1]))
    [record] = records
    assert (record["code"], record["url"]) == ("llm_unreachable", server.url)


@pytest.mark.parametrize(("key", "header"), [(KEY, f"Bearer {KEY}"), (None, None)])
async def test_a_key_is_sent_only_where_there_is_one(
    key: str | None, header: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    async with LLMServer() as server, responder(server.url, api_key=key) as llm:
        await reply(llm)
    assert server.exchanges[0].authorization == header


async def test_replies_share_connections() -> None:
    async with LLMServer() as server, responder(server.url) as llm:
        for _ in range(3):
            await reply(llm)
    assert (len(server.exchanges), server.connections) == (3, 1)


@pytest.mark.parametrize(("idle_s", "connections"), [(None, 1), (0.01, 2)])
async def test_a_connection_stays_open_until_the_next_turn(
    idle_s: float | None, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if idle_s is None:
        assert KEEP_ALIVE_S > 30
    else:
        monkeypatch.setattr("voicegw.reply.endpoints.http_client.KEEP_ALIVE_S", idle_s)
    async with LLMServer() as server, responder(server.url) as llm:
        await reply(llm)
        await asyncio.sleep(0.03)
        await reply(llm)
    assert server.connections == connections


async def test_replies_run_concurrently() -> None:
    async with LLMServer(first_token_delay_s=0.05) as server, responder(server.url) as llm:
        replies = await asyncio.gather(*(reply(llm) for _ in range(20)))
    assert replies == [["Hello", " there", "."]] * 20


async def test_a_key_may_end_with_a_newline() -> None:
    async with LLMServer() as server, responder(server.url, api_key=f"{KEY}\n") as llm:
        await reply(llm)
    assert server.exchanges[0].authorization == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "server",
    [
        LLMServer(first_token_delay_s=60),
        LLMServer(tokens=["a", "b"], token_delay_s=60),
        LLMServer(tokens=["a"] * 10_000, token_delay_s=0.001),
    ],
    ids=["before the first token", "between tokens", "while tokens flow"],
)
async def test_cancelling_the_task_closes_the_connection(server: LLMServer) -> None:
    async with server, responder(server.url) as llm:
        task = asyncio.create_task(reply(llm))
        await server.asked.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait_for(server.exchanges[0].over.wait(), 1)
        assert task.cancelled()
        assert server.exchanges[0].disconnected


async def test_cancelling_before_any_response_closes_the_connection() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()  # until the client closes
        left.set()
        writer.transport.abort()

    async with listening(silent) as url, responder(url) as llm:
        task = asyncio.create_task(reply(llm))
        await asyncio.wait_for(asked.wait(), 5)
        task.cancel()
        await asyncio.wait_for(left.wait(), 1)


async def test_closing_the_reply_closes_the_connection() -> None:
    async with LLMServer(tokens=["a", "b"], token_delay_s=60) as server, responder(server.url) as llm:
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            await anext(pieces)
        await asyncio.wait_for(server.exchanges[0].over.wait(), 1)
        assert server.exchanges[0].disconnected


async def test_a_reply_after_a_failed_one_succeeds() -> None:
    async with LLMServer(ending=Ending.CUT) as server, responder(server.url) as llm:
        with pytest.raises(errors.LLMInterrupted):
            await reply(llm)
        server.ending = Ending.COMPLETE
        assert await reply(llm) == ["Hello", " there", "."]


def test_an_endpoint_is_configured_by_url_or_model() -> None:
    assert LLMOptions(url="http://127.0.0.1:9/v1").configured
    assert LLMOptions(model="tiny").configured
    assert not LLMOptions(api_key=KEY).configured


def test_an_endpoint_needs_a_model() -> None:
    with pytest.raises(errors.StartupError, match="--llm-model"):
        LLMResponder(LLMOptions(url="http://127.0.0.1:9/v1"))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://localhost/v1", "http://"])
def test_an_endpoint_needs_a_valid_url(url: str) -> None:
    with pytest.raises(errors.StartupError, match="is not an http"):
        LLMResponder(LLMOptions(url=url, model="tiny"))


def test_the_key_is_not_in_the_representation_of_the_options() -> None:
    assert KEY not in repr(LLMOptions(api_key=KEY))


def test_options_are_bounded() -> None:
    check(LLMOptions())
    with pytest.raises(errors.InvalidValue, match="total_timeout_ms"):
        check(LLMOptions(total_timeout_ms=0))


async def test_a_refused_parameter_is_logged_once_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(body: dict[str, Any]) -> Answer | None:
        complaint = ("application/json", '{"error": "Unsupported parameter: temperature"}')
        return Answer(status=400, page=complaint) if "temperature" in body else None

    async with LLMServer(script=refuse) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records:
            await llm.warm(asked(PROMPT[:1]))
            await reply(llm)
    [record] = records
    assert (record["left_out"], record["url"]) == (["temperature"], server.url)
    assert ["temperature" in exchange.body for exchange in server.exchanges] == [True, False, False]


async def test_nothing_is_learned_from_a_failure_of_an_endpoint_that_works() -> None:
    server_error = Answer(status=500, page=("text/plain", "temperature is not supported"))
    async with LLMServer() as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT[:1]))
        server.answers = [server_error]
        await llm.prewarm(asked(PROMPT[:1]))
        await reply(llm)
    assert ["temperature" in exchange.body for exchange in server.exchanges] == [True, True, False, True]


CLAIMS = "There are no tools: they are unknown and not supported."
SPOILT = ReplyParameters((ClientTool("x", CLAIMS, '{"type":"unknown"}'),))


@pytest.mark.parametrize(
    ("request_", "marker"),
    [
        (ReplyRequest(PROMPT, parameters=SPOILT), "'unknown'"),
        (ReplyRequest(PROMPT[:1], parameters=SPOILT), "'unknown'"),
        (ReplyRequest((Message("system", CLAIMS), PROMPT[1])), CLAIMS),
        (ReplyRequest((Message("system", CLAIMS),)), CLAIMS),
    ],
    ids=["tools", "tools without a message", "instructions", "instructions without a message"],
)
async def test_nothing_is_learned_from_what_a_client_asks_for(request_: ReplyRequest, marker: str) -> None:
    def refuse(body: dict[str, Any]) -> Answer | None:
        sent = json.dumps(body)
        complaint = f"Unknown function schema in tools[1].function.parameters: {marker}"
        wrong = '"unknown"' in sent or CLAIMS in sent
        return Answer(status=400, page=("text/plain", complaint)) if wrong and "tools" in body else None

    async with LLMServer(script=refuse) as server:
        llm = LLMResponder(LLMOptions(url=server.url, model="tiny", prewarm_interval_ms=0), [TOOL])
        await llm.prewarm(request_)
        async with aclosing(llm.respond(request_, certain())) as pieces:
            assert [piece async for piece in pieces if isinstance(piece, str)] == ["Hello", " there", "."]
        await reply(llm)
        await llm.close()
    assert server.exchanges[-1].body["tools"] == [TOOL]


async def test_what_the_endpoint_repeats_of_a_clients_tools_refuses_nothing() -> None:
    echo = Answer(status=400, page=("text/plain", f"bad function: {CLAIMS}"))
    async with LLMServer(answers=[echo]) as server, responder(server.url) as llm:
        with pytest.raises(errors.LLMRejected):
            async with aclosing(llm.respond(ReplyRequest(PROMPT, parameters=SPOILT), certain())) as pieces:
                await anext(pieces)
    assert len(server.exchanges) == 1


async def test_the_first_request_shows_what_replies_start_with() -> None:
    answers = [Answer(["OK."]), Answer(["Here: </think>"]), Answer(["Once upon", " a"], token_delay_s=60)]
    async with LLMServer(answers=answers) as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT[:1]))
        assert await reply(llm) == ["Here: "]
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            assert await asyncio.wait_for(anext(pieces), 10) == "Once upon"


async def test_where_one_token_is_refused_prewarming_requests_a_reply() -> None:
    def refuse(body: dict[str, Any]) -> Answer | None:
        complaint = '{"error": {"message": "max_tokens or model output limit was reached."}}'
        return Answer(status=400, page=("application/json", complaint)) if body["max_tokens"] == 1 else None

    async with LLMServer(script=refuse) as server, responder(server.url, prewarm_interval_ms=0) as llm:
        await llm.prewarm(asked(PROMPT))
        await llm.prewarm(asked(PROMPT))
        assert llm.answered
    assert [exchange.body["max_tokens"] for exchange in server.exchanges] == [1, 300, 300]


async def test_after_another_refusal_prewarming_still_requests_one_token() -> None:
    complaint = '{"error": "The context length is 100 tokens; you asked for 99 and max_tokens 1."}'
    too_long = Answer(status=400, page=("application/json", complaint))
    async with (
        LLMServer(answers=[too_long, too_long]) as server,
        responder(server.url, prewarm_interval_ms=0) as llm,
    ):
        await llm.prewarm(asked(PROMPT))
        await llm.prewarm(asked(PROMPT))
    assert [exchange.body["max_tokens"] for exchange in server.exchanges] == [1, 300, 1]


@pytest.mark.parametrize(
    "server_error",
    [Answer(status=500, page=("text/plain", "Internal Server Error")), Answer(ending=Ending.EMPTY)],
    ids=["HTTP 500", "a stream without an event"],
)
async def test_an_endpoint_that_fails_on_a_role_gets_requests_without_it(server_error: Answer) -> None:
    def fail_on_system(body: dict[str, Any]) -> Answer | None:
        return server_error if body["messages"][0]["role"] == "system" else None

    async with LLMServer(script=fail_on_system) as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT[:1]))
        assert await reply(llm) == ["Hello", " there", "."]
    assert "temperature" in server.exchanges[-1].body


async def test_a_simpler_form_is_not_kept_because_of_another_error() -> None:
    server_error = Answer(status=500, page=("text/plain", "Internal Server Error"))
    answers = [server_error, Answer(["OK."]), Answer(status=429)]
    async with LLMServer(answers=answers) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records, pytest.raises(errors.LLMRateLimited):
            await llm.warm(asked(PROMPT[:1]))
        assert not llm.answered
        await llm.warm(asked(PROMPT[:1]))
        assert llm.answered
    assert [message["role"] for message in server.exchanges[-1].body["messages"]] == ["system", "user"]
    assert records == []


async def test_after_a_temporary_failure_the_usual_form_is_kept() -> None:
    starting = Answer(status=500, page=("text/plain", "Internal Server Error"))
    async with LLMServer(answers=[starting]) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records:
            await llm.warm(asked(PROMPT[:1]))
        await reply(llm)
    assert [message["role"] for message in server.exchanges[-1].body["messages"]] == ["system", "user"]
    assert records == []
