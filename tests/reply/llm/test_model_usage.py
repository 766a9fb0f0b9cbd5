"""The usage of requests to the model in addition to visible text: reasoning, and the tokens reported."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, certain
from tests.reply.llm.single_endpoint import PROMPT
from voicegw.core.events import ReplyNotice, ReplyPiece
from voicegw.core.history_length import CHARACTERS_PER_TOKEN, characters_of
from voicegw.core.responder import ModelUsage
from voicegw.errors import LLMReasoningOnly
from voicegw.reply.llm.failover import FailoverOptions, FailoverResponder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

FIELDS = ({"reasoning_content": "It is " * 10}, {"reasoning": "Paris." * 10, "reasoning_details": [{}]})
TAGS = ("<think>", "It is " * 10, "Paris." * 10, "</think>")
PARTS = ({"content": [{"type": "thinking", "text": "x" * 120}]},)


def split(pieces: Sequence[ReplyPiece | ModelUsage]) -> tuple[str, int, int]:
    """The text, the characters of reasoning, and the tokens that the endpoint reports."""
    used = [piece for piece in pieces if isinstance(piece, ModelUsage)]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    return text, sum(each.hidden for each in used), sum(each.tokens for each in used)


async def all_of(llm: LLMResponder | FailoverResponder) -> list[ReplyPiece | ModelUsage]:
    async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
        return [piece async for piece in pieces]


def model(server: LLMServer, name: str = "tiny", **options: Any) -> LLMResponder:
    return LLMResponder(LLMOptions(url=server.url, model=name, **options))


@pytest.mark.parametrize(("reasoning", "tags"), [(FIELDS, 0), (TAGS, 15), (PARTS, 0)])
@pytest.mark.parametrize("name", ["tiny", "tiny-r1"])
async def test_reasoning_is_counted_in_every_field_and_between_tags(
    reasoning: Sequence[Any], tags: int, name: str
) -> None:
    async with LLMServer(tokens=[*reasoning, "Paris", " it", " is."]) as server:
        llm = model(server, name)
        pieces = await all_of(llm)
        await llm.close()
    assert split(pieces) == ("Paris it is.", 120 + tags, 3)


async def test_reasoning_is_counted_as_it_arrives() -> None:
    answer = Answer([{"reasoning_content": "x" * 100}, "Paris."], token_delay_s=60)
    async with LLMServer(answers=[answer]) as server:
        llm = model(server)
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            assert await asyncio.wait_for(anext(pieces), 10) == ModelUsage(hidden=100)
        await llm.close()


async def test_text_that_was_held_back_is_not_counted_as_reasoning() -> None:
    async with LLMServer(tokens=["It", " is", " Paris."]) as server:
        llm = model(server)
        assert split(await all_of(llm))[:2] == ("It is Paris.", 0)
        await llm.close()


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 900}, 920),
        ({"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 950}, 950),
        ({"prompt_tokens": 20, "completion_tokens": None}, 20),
        ({"prompt_tokens": 2**70, "completion_tokens": 1}, 0),
        ({"prompt_tokens": -5, "completion_tokens": 1}, 0),
        ({"prompt_tokens": "many"}, 0),
    ],
)
async def test_the_reported_tokens_are_used_if_they_are_plausible(
    usage: dict[str, object], tokens: int
) -> None:
    async with LLMServer(usage=usage) as server:
        llm = model(server)
        assert split(await all_of(llm))[2] == tokens
        await llm.close()
    assert server.exchanges[0].body["stream_options"] == {"include_usage": True}


async def test_stream_options_are_left_out_once_they_are_refused() -> None:
    refusal = Answer(
        status=400, page=("application/json", '{"error": {"message": "Unknown parameter: stream_options"}}')
    )
    async with LLMServer(
        script=lambda body: refusal if "stream_options" in body else None, usage={}
    ) as server:
        llm = model(server)
        await llm.warm(asked(PROMPT[:1]))
        assert split(await all_of(llm)) == ("Hello there.", 0, 0)
        await llm.close()
    assert ["stream_options" in each.body for each in server.exchanges] == [True, False, False]


async def test_a_reply_of_reasoning_only_is_counted_and_repeated() -> None:
    answers = [Answer([{"reasoning_content": "x" * 100}]), Answer(["Paris."])]
    async with LLMServer(answers=answers) as server:
        metrics = Metrics()
        responder = FailoverResponder([model(server)], FailoverOptions(retries=1), metrics)
        pieces = await all_of(responder)
        await responder.close()
    hidden, reported, notice, *rest = pieces
    assert (hidden, reported) == (ModelUsage(hidden=100), ModelUsage(tokens=3, written=3))
    assert isinstance(notice, ReplyNotice)
    assert notice.code == LLMReasoningOnly.code
    assert split(rest)[0] == "Paris."


async def test_a_reply_cut_in_its_reasoning_is_counted_and_repeated() -> None:
    answers = [Answer([{"reasoning_content": "x" * 100}], ending=Ending.CUT), Answer(["Paris."])]
    async with LLMServer(answers=answers) as server:
        responder = FailoverResponder([model(server)], FailoverOptions(retries=1), Metrics())
        text, hidden, _ = split(await all_of(responder))
        await responder.close()
    assert (text, hidden) == ("Paris.", 100)


@pytest.mark.parametrize("usage", [{"prompt_tokens": 40, "completion_tokens": 1}, {}])
async def test_prewarming_requests_are_counted_separately(usage: dict[str, object]) -> None:
    metrics = Metrics()
    async with LLMServer(usage=usage) as server:
        options = LLMOptions(url=server.url, model="tiny")
        llm = LLMResponder(options, count=metrics.llm_prewarm_tokens.inc)
        await llm.prewarm(asked(PROMPT[:1]))
        await all_of(llm)
        await llm.close()
    counted = metrics.registry.get_sample_value("voicegw_llm_prewarm_tokens_total")
    assert counted == (41 if usage else characters_of(PROMPT[:1]) / CHARACTERS_PER_TOKEN)
