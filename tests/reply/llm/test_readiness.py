"""The server is not ready before the model's first answer, but for a limited time only."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import structlog

from tests.llm_server import LLMServer
from voicegw.core.events import Message
from voicegw.errors import NotReady
from voicegw.reply.llm.failover import FailoverOptions, FailoverResponder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.reply.llm.prompt import DEFAULT_USER_MESSAGE
from voicegw.reply.llm.readiness import ModelReadiness
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

PROMPT = (Message("system", "Be brief."),)


@asynccontextmanager
async def probing(server: LLMServer, wait_ms: int) -> AsyncIterator[ModelReadiness]:
    async with server:
        endpoint = LLMResponder(LLMOptions(url=server.url, model="tiny"))
        responder = FailoverResponder([endpoint], FailoverOptions(), Metrics())
        readiness = ModelReadiness(responder, PROMPT, wait_ms, pause_s=0.01)
        task = asyncio.create_task(readiness.probe())
        yield readiness
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await responder.close()


async def until_ready(readiness: ModelReadiness) -> str:
    while True:
        try:
            return readiness.check()
        except NotReady:
            await asyncio.sleep(0.005)


async def until_not_ready(readiness: ModelReadiness, words: str) -> None:
    while True:
        with pytest.raises(NotReady) as refused:
            readiness.check()
        if re.search(words, refused.value.message):
            return
        await asyncio.sleep(0.005)


async def test_not_ready_before_the_first_answer() -> None:
    async with probing(LLMServer(first_token_delay_s=60), wait_ms=60_000) as readiness:
        with pytest.raises(NotReady, match="has not answered yet"):
            readiness.check()


async def test_ready_after_the_first_answer() -> None:
    server = LLMServer()
    async with probing(server, wait_ms=60_000) as readiness:
        assert await asyncio.wait_for(until_ready(readiness), 5) == "the model endpoint has answered"
        assert server.exchanges[0].body["messages"][-1]["content"] == DEFAULT_USER_MESSAGE


async def test_an_endpoint_that_starts_late_is_found() -> None:
    server = LLMServer(status=503)
    async with probing(server, wait_ms=60_000) as readiness:
        await server.asked.wait()
        server.status = 200
        assert await asyncio.wait_for(until_ready(readiness), 5) == "the model endpoint has answered"


async def test_after_the_time_limit_the_server_is_ready_without_the_model() -> None:
    async with probing(LLMServer(refuse=True), wait_ms=20) as readiness:
        status = await asyncio.wait_for(until_ready(readiness), 5)
        assert status.startswith("replies may fail: the model endpoint")
        assert "127.0.0.1" not in status


async def test_an_error_of_the_endpoint_is_shown_and_logged_once() -> None:
    with structlog.testing.capture_logs() as records:
        async with probing(LLMServer(status=404), wait_ms=60_000) as readiness:
            message = "gives no answer yet: the language model endpoint answered HTTP 404, test_code$"
            await asyncio.wait_for(until_not_ready(readiness, message), 5)
            await asyncio.sleep(0.1)  # in which more requests are sent
    [record] = [each for each in records if each["event"] == "waiting for the model endpoint"]
    assert record["code"] == "llm_rejected"
    assert record["reason"].startswith("the language model endpoint answered HTTP 404, test_code: {")
    assert record["url"].startswith("http://127.0.0.1:")
