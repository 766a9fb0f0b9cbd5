"""The language model client against a real HTTP server that answers, stalls and breaks."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import structlog

from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, certain
from voicegw import errors
from voicegw.core.dialogue import ModelUsage, Responder
from voicegw.core.events import Message, ReplyPiece, ToolCalled
from voicegw.core.options import check
from voicegw.reply.endpoints.http_client import KEEP_ALIVE_S
from voicegw.reply.llm.endpoint_errors import report
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder, shown
from voicegw.reply.llm.prompt import OPENER

PROMPT = (Message("system", "Be brief."), Message("user", "Where is the secret kept?"))
KEY = "sk-4f9a"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def responder(url: str, **options: Any) -> AsyncIterator[LLMResponder]:
    llm = LLMResponder(LLMOptions(url=url, model="tiny", **options))
    try:
        yield llm
    finally:
        await llm.close()


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """The URL of a bare TCP server, for what no HTTP server does."""
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def reply(llm: Responder, prompt: Sequence[Message] = PROMPT) -> list[ReplyPiece]:
    async with aclosing(llm.respond(asked(prompt), certain())) as pieces:
        return [piece async for piece in pieces if not isinstance(piece, ModelUsage)]


def probed(body: dict[str, Any]) -> Answer | None:
    """The answer to the probe at the start; nothing else is answered so."""
    return Answer(["OK."]) if body["messages"][-1]["content"] == OPENER else None


async def failure(
    server: LLMServer, *, warm: bool = False, **options: Any
) -> tuple[list[ReplyPiece], errors.ReplyError]:
    """What was said before the reply failed, and the error. warm: the endpoint has answered the probe, so
    nothing is held back."""
    said: list[ReplyPiece] = []
    server.script = probed if warm else server.script
    async with (
        server,
        responder(server.url, **options) as llm,
    ):
        if warm:
            await llm.warm(asked(PROMPT[:1]))
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            try:
                async for piece in pieces:
                    said += () if isinstance(piece, ModelUsage) else (piece,)
            except errors.ReplyError as error:
                return said, error
    pytest.fail("the reply did not fail")


async def test_tokens_come_one_by_one() -> None:
    async with LLMServer(tokens=["Hel", "lo", " there."]) as server, responder(server.url) as llm:
        assert await reply(llm) == ["Hel", "lo", " there."]


async def test_tokens_are_not_held_back() -> None:
    slow = Answer(["now", "never"], token_delay_s=60)
    async with LLMServer(answers=[Answer(["OK."]), slow]) as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT))
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            assert await asyncio.wait_for(anext(pieces), 5) == "now"


async def test_the_request() -> None:
    async with LLMServer() as server, responder(server.url, max_tokens=7, temperature=0.5) as llm:
        await reply(llm)
        assert llm.name == "tiny"
    body = server.exchanges[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is the secret kept?"},
    ]
    assert (body["model"], body["stream"], body["max_tokens"], body["temperature"]) == ("tiny", True, 7, 0.5)


async def test_a_tool_call_and_its_answer_as_the_endpoint_knows_them() -> None:
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


async def test_tools_are_offered() -> None:
    async with LLMServer() as server:
        llm = LLMResponder(LLMOptions(url=server.url, model="tiny"), [TOOL])
        await reply(llm)
        await llm.prewarm(asked(PROMPT[:1]))
        await llm.close()
    assert [exchange.body["tools"] for exchange in server.exchanges] == [[TOOL], [TOOL]]


async def test_the_calls_that_the_model_wants_come_behind_its_words() -> None:
    answer = Answer(["One moment."], [("clock", '{"zone": "CET"}'), ("clock", "{}")])
    async with LLMServer(answers=[answer]) as server, responder(server.url) as llm:
        said = await reply(llm)
    assert said == [
        "One moment.",
        ToolCalled("call_0_clock", "clock", '{"zone": "CET"}'),
        ToolCalled("call_1_clock", "clock", "{}"),
    ]


async def test_a_call_that_breaks_off_is_not_made() -> None:
    answer = Answer(tool_calls=[("clock", '{"zone": "CET"}')], ending=Ending.CUT)
    said, error = await failure(LLMServer(answers=[answer]))
    assert (said, type(error)) == ([], errors.LLMInterrupted)


async def test_a_call_is_a_first_token() -> None:
    answer = Answer(tool_calls=[("clock", '{"zone": "CET"}')], token_delay_s=0.3)
    async with (
        LLMServer(answers=[answer]) as server,
        responder(server.url, first_token_timeout_ms=500) as llm,
    ):
        assert len(await reply(llm)) == 1


async def test_prewarming_asks_for_one_token_and_leaves_the_connection_to_the_reply() -> None:
    async with LLMServer() as server, responder(server.url) as llm:
        await llm.prewarm(asked(PROMPT[:1]))
        await reply(llm)
    assert [exchange.body["max_tokens"] for exchange in server.exchanges] == [1, 300]
    assert server.connections == 1


async def test_prewarming_never_fails() -> None:
    async with LLMServer(refuse=True) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records:
            await llm.prewarm(asked(PROMPT[:1]))
    [record] = records
    assert (record["code"], record["url"]) == ("llm_unreachable", server.url)


@pytest.mark.parametrize("url", ["https://me:secret@model.example/v1?key=secret", "https://model.example/v1"])
def test_where_an_endpoint_is_can_be_shown(url: str) -> None:
    assert shown(url) == "https://model.example/v1"


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
async def test_a_connection_is_kept_for_the_next_turn(
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


async def test_replies_run_side_by_side() -> None:
    async with LLMServer(first_token_delay_s=0.05) as server, responder(server.url) as llm:
        replies = await asyncio.gather(*(reply(llm) for _ in range(20)))
    assert replies == [["Hello", " there", "."]] * 20


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7])
async def test_characters_cut_by_the_network_are_whole(chunk_bytes: int) -> None:
    tokens = ["Grüße", " aus 東京", " 👋🏽"]
    async with LLMServer(tokens=tokens, chunk_bytes=chunk_bytes) as server, responder(server.url) as llm:
        assert await reply(llm) == tokens


async def test_a_surrogate_pair_cut_by_the_endpoint_is_whole() -> None:
    async with LLMServer(tokens=["Hi \ud83d", "\udc4b", "\udc4b!"]) as server, responder(server.url) as llm:
        assert await reply(llm) == ["Hi ", "👋", "\N{REPLACEMENT CHARACTER}!"]


async def test_refused() -> None:
    said, error = await failure(LLMServer(refuse=True))
    assert (said, type(error)) == ([], errors.LLMUnreachable)


async def test_the_log_is_told_why_there_is_no_connection() -> None:
    _, error = await failure(LLMServer(refuse=True))
    assert "Connect call failed" in report(error)
    assert "Connect call failed" not in error.message


async def test_a_certificate_that_is_not_trusted_is_named() -> None:
    async with LLMServer(tls=True) as server, responder(server.url) as llm:
        with pytest.raises(errors.LLMUnreachable) as refused:
            await reply(llm)
    assert "CERTIFICATE_VERIFY_FAILED" in refused.value.detail


async def test_a_key_from_a_file_may_end_its_line() -> None:
    async with LLMServer() as server, responder(server.url, api_key=f"{KEY}\n") as llm:
        await reply(llm)
    assert server.exchanges[0].authorization == f"Bearer {KEY}"


async def test_dropped_before_the_answer() -> None:
    async def drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with listening(drop) as url, responder(url) as llm:
        with pytest.raises(errors.LLMUnreachable):
            await reply(llm)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, errors.LLMUnauthorized),
        (403, errors.LLMUnauthorized),
        (429, errors.LLMRateLimited),
        (400, errors.LLMRejected),
        (500, errors.LLMBroken),
        (503, errors.LLMBroken),
    ],
)
async def test_refusals(status: int, expected: type[errors.ReplyError]) -> None:
    server = LLMServer(status=status)
    _, error = await failure(server)
    assert type(error) is expected
    assert len(server.exchanges) == 1  # nothing was retried


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, None),
        ("7", 7),
        ("1.5", 1.5),
        ("86400", 60),  # no longer than is reasonable
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 60),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("0", None),
        ("-1", None),
        ("soon", None),
    ],
)
async def test_a_refusal_says_when_to_ask_again(header: str | None, wait_s: float | None) -> None:
    _, error = await failure(LLMServer(answers=[Answer(status=429, retry_after=header)]))
    assert error.retry_after_ms == (None if wait_s is None else wait_s * 1000)


async def test_the_more_exact_header_is_believed() -> None:
    _, error = await failure(LLMServer(answers=[Answer(status=429, retry_after="2", retry_after_ms="1234")]))
    assert error.retry_after_ms == 1234


@pytest.mark.parametrize(("status", "wait_ms"), [(503, 7_000), (500, None), (400, None)])
async def test_when_to_ask_again_is_for_a_busy_endpoint_to_say(status: int, wait_ms: int | None) -> None:
    _, error = await failure(LLMServer(answers=[Answer(status=status, retry_after="7")]))
    assert error.retry_after_ms == wait_ms


async def test_a_refusal_says_why() -> None:
    _, error = await failure(LLMServer(status=404))
    assert error.message == "the language model endpoint answered HTTP 404, test_code"


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_neither_key_nor_prompt_is_in_the_traceback(status: int) -> None:
    _, error = await failure(LLMServer(status=status), api_key=KEY)
    report = "".join(traceback.format_exception(error))
    assert KEY not in report
    assert "secret" not in report


async def test_slow_connect() -> None:
    async with LLMServer() as server:  # speaks no TLS: the handshake gets no answer
        url = server.url.replace("http://", "https://")
        async with responder(url, connect_timeout_ms=50) as llm:
            with pytest.raises(errors.LLMTimeout, match="no connection"):
                await reply(llm)


async def test_slow_first_token() -> None:
    said, error = await failure(LLMServer(first_token_delay_s=60), first_token_timeout_ms=50)
    assert said == []
    assert isinstance(error, errors.LLMTimeout)
    assert error.message == "no first token within 50 ms"


async def test_the_first_token_is_what_the_first_limit_is_for() -> None:
    async with (
        LLMServer(tokens=["one", "two"], token_delay_s=0.3) as server,
        responder(server.url, first_token_timeout_ms=250) as llm,
    ):
        assert await reply(llm) == ["one", "two"]


async def test_slow_reply() -> None:
    server = LLMServer(tokens=["one", "two"], token_delay_s=60)
    said, error = await failure(server, warm=True, total_timeout_ms=1_000)
    assert said == ["one"]
    assert isinstance(error, errors.LLMTimeout)
    assert error.message == "no end of the reply within 1000 ms"


async def test_the_total_limit_covers_the_first_token() -> None:
    _, error = await failure(LLMServer(first_token_delay_s=60), total_timeout_ms=50)
    assert error.message == "no end of the reply within 50 ms"


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending.CUT, errors.LLMInterrupted),
        (Ending.UNFINISHED, errors.LLMInterrupted),
        (Ending.ERROR, errors.LLMBroken),
        (Ending.GARBLED, errors.LLMBroken),
    ],
)
async def test_bad_endings(ending: Ending, expected: type[errors.ReplyError]) -> None:
    server = LLMServer(tokens=["half", " a"], token_delay_s=0.01, ending=ending)
    said, error = await failure(server, warm=True)
    assert (said, type(error)) == (["half", " a"], expected)


@pytest.mark.parametrize("content", [7, ["a", "list"], {"type": "text"}])
async def test_what_is_no_text_is_not_taken_for_it(content: Any) -> None:
    server = LLMServer(answers=[Answer(["half", {"content": content}])])
    said, error = await failure(server, warm=True)
    assert (said, type(error)) == (["half"], errors.LLMBroken)


@pytest.mark.parametrize(
    "server",
    [
        LLMServer(first_token_delay_s=60),
        LLMServer(tokens=["a", "b"], token_delay_s=60),
        LLMServer(tokens=["a"] * 10_000, token_delay_s=0.001),
    ],
    ids=["before the first token", "between tokens", "while tokens flow"],
)
async def test_cancelling_the_task_is_seen_by_the_endpoint(server: LLMServer) -> None:
    async with server, responder(server.url) as llm:
        task = asyncio.create_task(reply(llm))
        await server.asked.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait_for(server.exchanges[0].over.wait(), 1)
        assert task.cancelled()
        assert server.exchanges[0].disconnected


async def test_cancelling_before_any_answer_is_seen_by_the_endpoint() -> None:
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


async def test_closing_the_reply_is_seen_by_the_endpoint() -> None:
    async with LLMServer(tokens=["a", "b"], token_delay_s=60) as server, responder(server.url) as llm:
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            await anext(pieces)
        await asyncio.wait_for(server.exchanges[0].over.wait(), 1)
        assert server.exchanges[0].disconnected


async def test_a_failed_reply_does_not_spoil_the_next() -> None:
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
def test_an_endpoint_needs_a_url_that_leads_somewhere(url: str) -> None:
    with pytest.raises(errors.StartupError, match="is not an http"):
        LLMResponder(LLMOptions(url=url, model="tiny"))


def test_options_keep_the_key_to_themselves() -> None:
    assert KEY not in repr(LLMOptions(api_key=KEY))


def test_options_are_bounded() -> None:
    check(LLMOptions())
    with pytest.raises(errors.InvalidValue, match="total_timeout_ms"):
        check(LLMOptions(total_timeout_ms=0))


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_what_the_endpoint_said_is_told_without_key_and_prompt(status: int) -> None:
    _, error = await failure(LLMServer(status=status), api_key=KEY)
    assert error.detail.startswith('{"error": {"message": " [...] may not ask [{')
    assert not any(secret in report(error) for secret in (KEY, "secret", "brief"))
    assert "may not ask" not in error.message


async def test_what_a_tool_was_asked_is_not_told() -> None:
    call = ToolCalled("c1", "book", '{"guest": "Abigail Claflin"}')
    prompt = (*PROMPT, Message("assistant", "", (call,)), Message("tool", "done", tool_call_id="c1"))
    async with LLMServer(status=400) as server, responder(server.url) as llm:
        with pytest.raises(errors.LLMRejected) as refused:
            await reply(llm, prompt)
    assert "book" in refused.value.detail
    assert "Claflin" not in refused.value.detail


async def test_what_the_endpoint_says_in_mid_stream_is_told() -> None:
    _, error = await failure(LLMServer(ending=Ending.ERROR))
    assert error.message == "the language model endpoint reported an error in its stream"
    assert "out of memory" in error.detail


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_page_in_place_of_a_stream_is_named(kind: str) -> None:
    page = Answer(page=(f"{kind}; charset=utf-8", "<h1>Please log in</h1>"))
    _, error = await failure(LLMServer(answers=[page]))
    assert error.message == f"the language model endpoint sent {kind} in place of a stream of events"
    assert error.detail == "Please log in"


@pytest.mark.parametrize(
    "proxy",
    [
        LLMServer(refuse=True),
        LLMServer(answers=[Answer(page=("text/html", "<h1>Proxy</h1>"))]),
        LLMServer(status=502),
    ],
    ids=["nobody listens", "a page", "HTTP 502"],
)
async def test_a_proxy_in_between_is_named(proxy: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy, LLMServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with responder(server.url) as llm:
            with pytest.raises(
                errors.ReplyError, match="through the proxy in the environment variable HTTP_PROXY"
            ):
                await reply(llm)
        assert not server.exchanges


async def test_what_is_refused_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_of_the_breakdowns_of_an_endpoint_that_works_nothing_is_learned() -> None:
    breakdown = Answer(status=500, page=("text/plain", "temperature is not supported"))
    async with LLMServer() as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT[:1]))
        server.answers = [breakdown]
        await llm.prewarm(asked(PROMPT[:1]))
        await reply(llm)
    assert ["temperature" in exchange.body for exchange in server.exchanges] == [True, True, False, True]


async def test_the_probe_shows_how_replies_begin() -> None:
    answers = [Answer(["OK."]), Answer(["Here: </think>"]), Answer(["Once upon", " a"], token_delay_s=60)]
    async with LLMServer(answers=answers) as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT[:1]))
        assert await reply(llm) == ["Here: "]
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            assert await asyncio.wait_for(anext(pieces), 10) == "Once upon"


async def test_the_start_of_a_first_reply_is_held_back_for_a_moment_only() -> None:
    server = LLMServer(tokens=["now", "never"], token_delay_s=60)
    async with server, responder(server.url) as llm:
        for _ in range(2):  # and the next one not at all
            async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
                assert await asyncio.wait_for(anext(pieces), 10) == "now"


async def test_a_stall_ends_the_reply() -> None:
    server = LLMServer(tokens=["one", "two"], token_delay_s=60)
    said, error = await failure(server, warm=True, next_token_timeout_ms=500)
    assert (said, error.message) == (["one"], "no next token within 500 ms")


async def test_of_a_reply_that_nobody_has_seen_nothing_is_shown_when_it_fails() -> None:
    said, error = await failure(LLMServer(tokens=["half"], ending=Ending.CUT))
    assert (said, type(error)) == ([], errors.LLMInterrupted)


async def test_a_comment_is_no_sign_of_life() -> None:
    server = LLMServer(answers=[Answer([b": still here\n\n"] * 1000, token_delay_s=0.01)])
    _, error = await failure(server, first_token_timeout_ms=200)
    assert error.message == "no first token within 200 ms"


async def test_an_endpoint_that_refuses_to_write_one_token_is_asked_for_a_reply() -> None:
    def refuse(body: dict[str, Any]) -> Answer | None:
        complaint = '{"error": {"message": "max_tokens or model output limit was reached."}}'
        return Answer(status=400, page=("application/json", complaint)) if body["max_tokens"] == 1 else None

    async with LLMServer(script=refuse) as server, responder(server.url, prewarm_interval_ms=0) as llm:
        await llm.prewarm(asked(PROMPT))
        await llm.prewarm(asked(PROMPT))
        assert llm.answered
    assert [exchange.body["max_tokens"] for exchange in server.exchanges] == [1, 300, 300]


async def test_a_prompt_that_is_too_long_is_no_reason_to_ask_for_more_tokens() -> None:
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
    "breakdown",
    [Answer(status=500, page=("text/plain", "Internal Server Error")), Answer(ending=Ending.EMPTY)],
    ids=["HTTP 500", "a stream without an event"],
)
async def test_an_endpoint_that_breaks_down_over_a_role_is_asked_without_it(breakdown: Answer) -> None:
    def break_down(body: dict[str, Any]) -> Answer | None:
        return breakdown if body["messages"][0]["role"] == "system" else None

    async with LLMServer(script=break_down) as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT[:1]))
        assert await reply(llm) == ["Hello", " there", "."]
    assert "temperature" in server.exchanges[-1].body


async def test_a_plainer_form_is_not_kept_because_of_trouble_of_another_kind() -> None:
    breakdown = Answer(status=500, page=("text/plain", "Internal Server Error"))
    answers = [breakdown, Answer(["OK."]), Answer(status=429)]
    async with LLMServer(answers=answers) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records, pytest.raises(errors.LLMRateLimited):
            await llm.warm(asked(PROMPT[:1]))
        assert not llm.answered
        await llm.warm(asked(PROMPT[:1]))
        assert llm.answered
    assert [message["role"] for message in server.exchanges[-1].body["messages"]] == ["system", "user"]
    assert records == []


async def test_an_endpoint_that_was_starting_is_asked_as_usual() -> None:
    starting = Answer(status=500, page=("text/plain", "Internal Server Error"))
    async with LLMServer(answers=[starting]) as server, responder(server.url) as llm:
        with structlog.testing.capture_logs() as records:
            await llm.warm(asked(PROMPT[:1]))
        await reply(llm)
    assert [message["role"] for message in server.exchanges[-1].body["messages"]] == ["system", "user"]
    assert records == []
