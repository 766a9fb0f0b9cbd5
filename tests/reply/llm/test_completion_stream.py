"""The stream of a real HTTP server: what is visible when, and the deadlines of its tokens."""

import asyncio
from contextlib import aclosing

import pytest

from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, certain
from tests.reply.llm.single_endpoint import PROMPT, failure, reply, responder
from voicegw import errors

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_text_is_not_held_back_after_a_first_answer() -> None:
    slow = Answer(["now", "never"], token_delay_s=60)
    async with LLMServer(answers=[Answer(["OK."]), slow]) as server, responder(server.url) as llm:
        await llm.warm(asked(PROMPT))
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            assert await asyncio.wait_for(anext(pieces), 5) == "now"


async def test_a_tool_call_counts_as_first_token() -> None:
    answer = Answer(tool_calls=[("clock", '{"zone": "CET"}')], token_delay_s=0.3)
    async with (
        LLMServer(answers=[answer]) as server,
        responder(server.url, first_token_timeout_ms=500) as llm,
    ):
        assert len(await reply(llm)) == 1


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7])
async def test_characters_that_are_split_over_packets_are_whole(chunk_bytes: int) -> None:
    tokens = ["Grüße", " aus 東京", " 👋🏽"]
    async with LLMServer(tokens=tokens, chunk_bytes=chunk_bytes) as server, responder(server.url) as llm:
        assert await reply(llm) == tokens


async def test_a_surrogate_pair_that_is_split_over_chunks_is_whole() -> None:
    async with LLMServer(tokens=["Hi \ud83d", "\udc4b", "\udc4b!"]) as server, responder(server.url) as llm:
        assert await reply(llm) == ["Hi ", "👋", "\N{REPLACEMENT CHARACTER}!"]


async def test_a_slow_first_token_is_a_timeout() -> None:
    received, error = await failure(LLMServer(first_token_delay_s=60), first_token_timeout_ms=50)
    assert received == []
    assert isinstance(error, errors.LLMTimeout)
    assert error.message == "no first token within 50 ms"


async def test_the_first_limit_applies_only_to_the_first_token() -> None:
    async with (
        LLMServer(tokens=["one", "two"], token_delay_s=0.3) as server,
        responder(server.url, first_token_timeout_ms=250) as llm,
    ):
        assert await reply(llm) == ["one", "two"]


async def test_a_slow_reply_is_a_timeout_after_its_text() -> None:
    server = LLMServer(tokens=["one", "two"], token_delay_s=60)
    received, error = await failure(server, warm=True, total_timeout_ms=1_000)
    assert received == ["one"]
    assert isinstance(error, errors.LLMTimeout)
    assert error.message == "no end of the reply within 1000 ms"


async def test_the_total_limit_includes_the_first_token() -> None:
    _, error = await failure(LLMServer(first_token_delay_s=60), total_timeout_ms=50)
    assert error.message == "no end of the reply within 50 ms"


async def test_the_start_of_a_first_reply_is_held_back_for_a_short_time() -> None:
    server = LLMServer(tokens=["now", "never"], token_delay_s=60)
    async with server, responder(server.url) as llm:
        for _ in range(2):  # and the next one not at all
            async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
                assert await asyncio.wait_for(anext(pieces), 10) == "now"


async def test_a_pause_between_tokens_is_a_timeout() -> None:
    server = LLMServer(tokens=["one", "two"], token_delay_s=60)
    received, error = await failure(server, warm=True, next_token_timeout_ms=500)
    assert (received, error.message) == (["one"], "no next token within 500 ms")


async def test_text_that_is_held_back_is_not_shown_after_a_failure() -> None:
    received, error = await failure(LLMServer(tokens=["half"], ending=Ending.CUT))
    assert (received, type(error)) == ([], errors.LLMInterrupted)


async def test_a_comment_does_not_count_as_a_token() -> None:
    server = LLMServer(answers=[Answer([b": still here\n\n"] * 1000, token_delay_s=0.01)])
    _, error = await failure(server, first_token_timeout_ms=200)
    assert error.message == "no first token within 200 ms"


async def test_a_stream_without_an_event_is_broken() -> None:
    _, error = await failure(LLMServer(ending=Ending.EMPTY))
    assert error.message == "the language model endpoint ended its stream before the first event"


async def test_done_alone_ends_a_reply() -> None:
    answer = Answer(["Hello."], finish=None)
    async with LLMServer(answers=[answer]) as server, responder(server.url) as llm:
        assert await reply(llm) == ["Hello."]


async def test_empty_events_are_skipped() -> None:
    answer = Answer([b"data:\n\n", "Hello.", b"data: \n\n"])
    async with LLMServer(answers=[answer]) as server, responder(server.url) as llm:
        assert await reply(llm) == ["Hello."]
