"""Failures of a real HTTP server become LLM errors, whose messages repeat neither the key nor the prompt."""

import asyncio
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.llm_server import Answer, Ending, LLMServer
from tests.reply.llm.single_endpoint import KEY, PROMPT, failure, listening, reply, responder
from voicegw import errors
from voicegw.core.events import Message, ToolCalled
from voicegw.reply.llm.endpoint_errors import report

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_a_refused_connection_is_unreachable() -> None:
    received, error = await failure(LLMServer(refuse=True))
    assert (received, type(error)) == ([], errors.LLMUnreachable)


async def test_the_reason_of_a_refused_connection_is_for_the_log_only() -> None:
    _, error = await failure(LLMServer(refuse=True))
    assert "Connect call failed" in report(error)
    assert "Connect call failed" not in error.message


async def test_an_untrusted_certificate_is_named() -> None:
    async with LLMServer(tls=True) as server, responder(server.url) as llm:
        with pytest.raises(errors.LLMUnreachable) as refused:
            await reply(llm)
    assert "CERTIFICATE_VERIFY_FAILED" in refused.value.detail


async def test_a_connection_lost_before_the_response_is_unreachable() -> None:
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
async def test_the_http_status_decides_the_error(status: int, expected: type[errors.ReplyError]) -> None:
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
        ("86400", 60),  # the longest wait
        pytest.param(format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 60, id="a date"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("0", None),
        ("-1", None),
        ("soon", None),
    ],
)
async def test_retry_after_is_read_in_seconds_and_as_a_date(header: str | None, wait_s: float | None) -> None:
    _, error = await failure(LLMServer(answers=[Answer(status=429, retry_after=header)]))
    assert error.retry_after_ms == (None if wait_s is None else wait_s * 1000)


async def test_retry_after_ms_has_precedence() -> None:
    _, error = await failure(LLMServer(answers=[Answer(status=429, retry_after="2", retry_after_ms="1234")]))
    assert error.retry_after_ms == 1234


@pytest.mark.parametrize(("status", "wait_ms"), [(503, 7_000), (500, None), (400, None)])
async def test_of_other_statuses_only_503_has_a_retry_after(status: int, wait_ms: int | None) -> None:
    _, error = await failure(LLMServer(answers=[Answer(status=status, retry_after="7")]))
    assert error.retry_after_ms == wait_ms


async def test_the_message_has_the_status_and_the_code() -> None:
    _, error = await failure(LLMServer(status=404))
    assert error.message == "the language model endpoint answered HTTP 404, test_code"


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_neither_key_nor_prompt_is_in_the_traceback(status: int) -> None:
    _, error = await failure(LLMServer(status=status), api_key=KEY)
    report = "".join(traceback.format_exception(error))
    assert KEY not in report
    assert "secret" not in report


async def test_a_slow_connection_is_a_timeout() -> None:
    async with LLMServer() as server:  # speaks no TLS: the handshake gets no answer
        url = server.url.replace("http://", "https://")
        async with responder(url, connect_timeout_ms=50) as llm:
            with pytest.raises(errors.LLMTimeout, match="no connection"):
                await reply(llm)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending.CUT, errors.LLMInterrupted),
        (Ending.UNFINISHED, errors.LLMInterrupted),
        (Ending.ERROR, errors.LLMBroken),
        (Ending.GARBLED, errors.LLMBroken),
    ],
)
async def test_a_broken_stream_raises_after_its_text(
    ending: Ending, expected: type[errors.ReplyError]
) -> None:
    server = LLMServer(tokens=["half", " a"], token_delay_s=0.01, ending=ending)
    received, error = await failure(server, warm=True)
    assert (received, type(error)) == (["half", " a"], expected)


@pytest.mark.parametrize("content", [7, ["a", "list"], {"type": "text"}])
async def test_an_invalid_chunk_is_a_broken_endpoint(content: Any) -> None:
    server = LLMServer(answers=[Answer(["half", {"content": content}])])
    received, error = await failure(server, warm=True)
    assert (received, type(error)) == (["half"], errors.LLMBroken)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_the_endpoints_text_is_in_the_detail_without_key_and_prompt(status: int) -> None:
    _, error = await failure(LLMServer(status=status), api_key=KEY)
    assert error.detail.startswith('{"error": {"message": " [...] may not ask [{')
    assert not any(secret in report(error) for secret in (KEY, "secret", "brief"))
    assert "may not ask" not in error.message


async def test_the_arguments_of_a_tool_call_are_redacted() -> None:
    call = ToolCalled("c1", "book", '{"guest": "Abigail Claflin"}')
    prompt = (*PROMPT, Message("assistant", "", (call,)), Message("tool", "done", tool_call_id="c1"))
    async with LLMServer(status=400) as server, responder(server.url) as llm:
        with pytest.raises(errors.LLMRejected) as refused:
            await reply(llm, prompt)
    assert "book" in refused.value.detail
    assert "Claflin" not in refused.value.detail


async def test_an_error_event_in_the_stream_is_in_the_detail() -> None:
    _, error = await failure(LLMServer(ending=Ending.ERROR))
    assert error.message == "the language model endpoint reported an error in its stream"
    assert "out of memory" in error.detail


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_page_in_place_of_a_stream_is_reported(kind: str) -> None:
    page = Answer(page=(f"{kind}; charset=utf-8", "<h1>Please log in</h1>"))
    _, error = await failure(LLMServer(answers=[page]))
    assert error.message == f"the language model endpoint sent {kind} in place of a stream of events"
    assert error.detail == "Please log in"


async def test_a_page_that_is_cut_is_reported_as_far_as_it_came() -> None:
    _, error = await failure(LLMServer(answers=[Answer(page=("text/html", "Please"), ending=Ending.CUT)]))
    assert (type(error), error.detail) == (errors.LLMBroken, "Please")


@pytest.mark.parametrize(
    "proxy",
    [
        LLMServer(refuse=True),
        LLMServer(answers=[Answer(page=("text/html", "<h1>Proxy</h1>"))]),
        LLMServer(status=502),
    ],
    ids=["no server", "a page", "HTTP 502"],
)
async def test_the_proxy_variable_is_named(proxy: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
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
