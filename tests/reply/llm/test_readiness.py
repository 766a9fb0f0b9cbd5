"""Readiness waits for the model's first answer, but not for ever."""

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
from voicegw.reply.llm.prompt import OPENER
from voicegw.reply.llm.readiness import FirstAnswer
from voicegw.telemetry import Metrics

PROMPT = (Message("system", "Be brief."),)


@asynccontextmanager
async def asking(server: LLMServer, wait_ms: int) -> AsyncIterator[FirstAnswer]:
    async with server:
        endpoint = LLMResponder(LLMOptions(url=server.url, model="tiny"))
        responder = FailoverResponder([endpoint], FailoverOptions(), Metrics())
        first = FirstAnswer(responder, PROMPT, wait_ms, pause_s=0.01)
        task = asyncio.create_task(first.ask())
        yield first
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await responder.close()


async def until_answered(first: FirstAnswer) -> str:
    while True:
        try:
            return first.check()
        except NotReady:
            await asyncio.sleep(0.005)


async def until_refused(first: FirstAnswer, words: str) -> None:
    while True:
        with pytest.raises(NotReady) as refused:
            first.check()
        if re.search(words, refused.value.message):
            return
        await asyncio.sleep(0.005)


async def test_not_ready_before_the_first_answer() -> None:
    async with asking(LLMServer(first_token_delay_s=60), wait_ms=60_000) as first:
        with pytest.raises(NotReady, match="has not answered yet"):
            first.check()


async def test_ready_with_it() -> None:
    server = LLMServer()
    async with asking(server, wait_ms=60_000) as first:
        assert await asyncio.wait_for(until_answered(first), 5) == "the model endpoint has answered"
        assert server.exchanges[0].body["messages"][-1]["content"] == OPENER


async def test_an_endpoint_that_comes_late_is_found() -> None:
    server = LLMServer(status=503)
    async with asking(server, wait_ms=60_000) as first:
        await server.asked.wait()
        server.status = 200
        assert await asyncio.wait_for(until_answered(first), 5) == "the model endpoint has answered"


async def test_a_server_without_its_model_says_so_and_serves() -> None:
    async with asking(LLMServer(refuse=True), wait_ms=20) as first:
        remark = await asyncio.wait_for(until_answered(first), 5)
        assert remark.startswith("replies may fail: the model endpoint")
        assert "127.0.0.1" not in remark


async def test_an_endpoint_that_answers_no_is_told_from_one_that_is_slow() -> None:
    with structlog.testing.capture_logs() as records:
        async with asking(LLMServer(status=404), wait_ms=60_000) as first:
            own_words = "gives no answer yet: the language model endpoint answered HTTP 404, test_code$"
            await asyncio.wait_for(until_refused(first, own_words), 5)
            await asyncio.sleep(0.1)  # and is asked some more
    [record] = [each for each in records if each["event"] == "waiting for the model endpoint"]
    assert record["code"] == "llm_rejected"
    assert record["reason"].startswith("the language model endpoint answered HTTP 404, test_code: {")
    assert record["url"].startswith("http://127.0.0.1:")
