"""A model endpoint in trouble: asked again, replaced, left alone; real HTTP servers in every role."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest
import structlog

from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, until
from voicegw import errors
from voicegw.core.dialogue import ModelUsage
from voicegw.core.events import Message, ReplyNotice, ReplyPiece
from voicegw.reply.llm.circuit_breaker import BreakerOptions
from voicegw.reply.llm.failover import FailoverOptions, FailoverResponder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.telemetry import Metrics

PROMPT = (Message("user", "hello"),)
SLOW = Answer(["too late"], first_token_delay_s=60)
FAULT = Answer(status=503)
TIMEOUT_MS = 500


@dataclass
class Setting:
    """Endpoints and the responder in front of them."""

    responder: FailoverResponder
    servers: Sequence[LLMServer]
    metrics: Metrics

    async def reply(self) -> list[ReplyPiece]:
        confirmed = asyncio.Event()
        async with aclosing(self.responder.respond(asked(PROMPT), confirmed)) as pieces:
            return [piece async for piece in pieces if not isinstance(piece, ModelUsage)]

    async def failure(self) -> errors.ReplyError:
        with pytest.raises(errors.ReplyError) as failed:
            await self.reply()
        return failed.value

    def asked(self) -> list[int]:
        """How many requests each endpoint had."""
        return [len(server.exchanges) for server in self.servers]

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"voicegw_llm_{name}", labels)


@asynccontextmanager
async def setting(
    *servers: LLMServer, retries: int = 1, failures: int = 100, rest_ms: int = 60_000
) -> AsyncIterator[Setting]:
    metrics = Metrics()
    options = FailoverOptions(retries=retries, breaker=BreakerOptions(failures, rest_ms))
    for server in servers:
        await server.__aenter__()
    endpoints = [
        LLMResponder(LLMOptions(url=server.url, model="tiny", first_token_timeout_ms=TIMEOUT_MS))
        for server in servers
    ]
    responder = FailoverResponder(endpoints, options, metrics)
    try:
        yield Setting(responder, servers, metrics)
    finally:
        await responder.close()
        for server in servers:
            await server.__aexit__(None, None, None)


def again(code: str, what: str) -> ReplyNotice:
    """The notice of one more request."""
    return ReplyNotice(code, what, asks_again=True)


async def test_an_endpoint_that_is_well_is_asked_once() -> None:
    async with setting(LLMServer(tokens=["Hi", "."]), LLMServer()) as stage:
        assert await stage.reply() == ["Hi", "."]
        assert stage.asked() == [1, 0]
        assert stage.value("requests_total", endpoint="first", outcome="answered") == 1


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (SLOW, "llm_timeout"),
        (FAULT, "llm_broken"),
        (Answer(ending=Ending.UNFINISHED), "llm_interrupted"),
        (Answer(ending=Ending.ERROR), "llm_broken"),
    ],
)
async def test_trouble_before_the_first_token_is_worth_a_second_try(trouble: Answer, code: str) -> None:
    async with setting(LLMServer(tokens=["Hi"], answers=[trouble])) as stage:
        assert await stage.reply() == [
            again(code, "the first endpoint is asked again"),
            "Hi",
        ]
        assert stage.value("remedies_total", remedy="retry") == 1


async def test_only_one() -> None:
    async with setting(LLMServer(answers=[SLOW, FAULT])) as stage:
        assert isinstance(await stage.failure(), errors.LLMBroken)
        assert stage.asked() == [2]


async def test_a_slow_request_is_cancelled_before_the_next_is_made() -> None:
    async with setting(LLMServer(answers=[SLOW])) as stage:
        await stage.reply()
        await asyncio.wait_for(stage.servers[0].exchanges[0].over.wait(), 5)
        assert stage.servers[0].exchanges[0].disconnected


async def test_a_reply_that_has_begun_is_never_begun_again() -> None:
    answers = [Answer(["Hi"]), Answer(["half"], ending=Ending.CUT)]
    async with setting(LLMServer(answers=answers), LLMServer()) as stage:
        await stage.reply()  # it begins with the answer, so the next one is shown at once
        assert isinstance(await stage.failure(), errors.LLMInterrupted)
        assert stage.asked() == [2, 0]


async def test_a_reply_of_which_nothing_was_shown_is_begun_again() -> None:
    answers = [Answer(["half"], ending=Ending.CUT), Answer(["Hi"])]
    async with setting(LLMServer(answers=answers)) as stage:
        notice = again("llm_interrupted", "the first endpoint is asked again")
        assert await stage.reply() == [notice, "Hi"]


@pytest.mark.parametrize(
    ("status", "code"), [(429, "llm_rate_limited"), (401, "llm_unauthorized"), (400, "llm_rejected")]
)
async def test_a_no_is_not_asked_again_but_elsewhere(status: int, code: str) -> None:
    async with setting(LLMServer(status=status), LLMServer(tokens=["Hi"])) as stage:
        assert await stage.reply() == [
            again(code, "the second endpoint is asked instead"),
            "Hi",
        ]
        assert stage.asked() == [1, 1]


@pytest.mark.parametrize(("status", "code"), [(429, "llm_rate_limited"), (503, "llm_broken")])
async def test_an_endpoint_that_says_when_is_not_asked_before(status: int, code: str) -> None:
    busy = Answer(status=status, retry_after="30")
    async with setting(LLMServer(answers=[busy]), LLMServer(tokens=["Hi"])) as stage:
        assert await stage.reply() == [
            again(code, "the second endpoint is asked instead"),
            "Hi",
        ]
        instead = again("llm_unavailable", "the second endpoint is asked instead")
        assert await stage.reply() == [instead, "Hi"]
        await stage.responder.prewarm(asked(PROMPT))
        assert stage.asked() == [1, 3]


async def test_with_nothing_else_to_ask_the_client_is_told_when() -> None:
    async with setting(LLMServer(answers=[Answer(status=429, retry_after="30")])) as stage:
        assert (await stage.failure()).retry_after_ms == 30_000
        later = await stage.failure()
        assert isinstance(later, errors.LLMUnavailable)
        assert later.retry_after_ms is not None
        assert 29_000 < later.retry_after_ms <= 30_000
        assert stage.asked() == [1]


async def test_a_short_rest_is_waited_for_and_others_wait_as_well() -> None:
    busy = Answer(status=429, retry_after="2")
    async with setting(LLMServer(tokens=["Hi"], answers=[busy])) as stage:
        first = asyncio.create_task(stage.reply())
        refused = {"endpoint": "first", "outcome": "llm_rate_limited"}
        await until(lambda: stage.value("requests_total", **refused) == 1)
        what = "the first endpoint is asked again"
        assert await stage.reply() == [again("llm_unavailable", what), "Hi"]
        assert await first == [again("llm_rate_limited", what), "Hi"]
        assert stage.asked() == [3]


@pytest.mark.parametrize("delays_s", [(0.0, 0.2), (0.2, 0.0)])
async def test_of_two_rests_the_longer_one_is_waited_for(delays_s: tuple[float, float]) -> None:
    rests = zip(("1.5", "0.5"), delays_s, strict=True)
    busy = [Answer(status=429, retry_after=rest, first_token_delay_s=delay) for rest, delay in rests]
    async with setting(LLMServer(tokens=["Hi"], answers=busy)) as stage:
        replies = await asyncio.gather(stage.reply(), stage.reply())
        assert [pieces[-1] for pieces in replies] == ["Hi", "Hi"]
        told, _, *again = [exchange.received_s for exchange in stage.servers[0].exchanges]
        assert min(again) - told >= 1.5


@pytest.mark.parametrize("status", [429, 503])
async def test_being_told_to_wait_does_not_open_the_breaker(status: int) -> None:
    busy = Answer(status=status, retry_after="0.2", first_token_delay_s=0.1)
    async with setting(LLMServer(tokens=["Hi"], answers=[busy] * 5), failures=3) as stage:
        replies = await asyncio.gather(*(stage.reply() for _ in range(5)))
        assert [pieces[-1] for pieces in replies] == ["Hi"] * 5
        assert stage.value("remedies_total", remedy="opened") is None


async def test_a_trial_that_is_told_to_wait_is_made_again_after_the_wait() -> None:
    busy = Answer(status=429, retry_after="0.1")
    server = LLMServer(tokens=["Hi"], answers=[FAULT, busy])
    async with setting(server, failures=1, rest_ms=1, retries=0) as stage:
        await stage.failure()
        await asyncio.sleep(0.01)
        assert (await stage.reply())[-1] == "Hi"
        assert stage.value("breaker_open", endpoint="first") == 0


async def test_another_endpoint_is_asked_rather_than_waiting() -> None:
    busy = Answer(status=429, retry_after="0.5")
    async with setting(LLMServer(answers=[busy]), LLMServer(tokens=["Hi"])) as stage:
        assert (await stage.reply())[-1] == "Hi"
        assert stage.asked() == [1, 1]


async def test_a_rest_is_waited_for_once() -> None:
    async with setting(LLMServer(script=lambda _: Answer(status=429, retry_after="0.05"))) as stage:
        assert isinstance(await stage.failure(), errors.LLMRateLimited)
        assert stage.asked() == [2]


async def test_after_the_retry_comes_the_second_endpoint() -> None:
    async with setting(LLMServer(status=500), LLMServer(tokens=["Hi"])) as stage:
        *notices, text = await stage.reply()
        assert text == "Hi"
        assert [notice.remedy for notice in notices if isinstance(notice, ReplyNotice)] == [
            "the first endpoint is asked again",
            "the second endpoint is asked instead",
        ]
        assert stage.asked() == [2, 1]


async def test_an_endpoint_nobody_listens_at() -> None:
    async with setting(LLMServer(refuse=True), LLMServer(tokens=["Hi"])) as stage:
        assert (await stage.reply())[-1] == "Hi"


async def test_when_all_fail_the_reply_fails() -> None:
    async with setting(LLMServer(status=500), LLMServer(status=401)) as stage:
        assert isinstance(await stage.failure(), errors.LLMUnauthorized)
        assert stage.asked() == [2, 1]


async def test_an_endpoint_that_keeps_failing_is_left_alone() -> None:
    async with setting(LLMServer(status=500), LLMServer(tokens=["Hi"]), failures=2) as stage:
        notices = await stage.reply()
        assert (
            ReplyNotice("llm_unavailable", "the first endpoint keeps failing and is left alone for 60 s")
            in notices
        )
        instead = again("llm_unavailable", "the second endpoint is asked instead")
        assert await stage.reply() == [instead, "Hi"]
        assert stage.asked() == [2, 2]
        assert stage.value("breaker_open", endpoint="first") == 1


async def test_with_nothing_else_to_ask_the_failure_is_immediate_and_says_so() -> None:
    async with setting(LLMServer(status=500), failures=2) as stage:
        await stage.failure()
        assert isinstance(await stage.failure(), errors.LLMUnavailable)
        assert stage.asked() == [2]


async def test_the_first_endpoint_is_used_again_once_it_answers() -> None:
    async with setting(LLMServer(tokens=["Hi"], answers=[FAULT]), failures=1, rest_ms=300) as stage:
        await stage.failure()
        await asyncio.sleep(0.35)
        assert await stage.reply() == [
            ReplyNotice("llm_unavailable", "the first endpoint answers again"),
            "Hi",
        ]
        assert await stage.reply() == ["Hi"]
        assert stage.value("remedies_total", remedy="closed") == 1


async def test_a_refusal_of_one_request_does_not_count_against_the_endpoint() -> None:
    async with setting(LLMServer(tokens=["Hi"], answers=[Answer(status=400)]), failures=1) as stage:
        await stage.failure()
        assert await stage.reply() == ["Hi"]


async def test_a_trial_that_the_user_interrupts_is_the_next_ones_to_make() -> None:
    server = LLMServer(tokens=["Hi"], answers=[FAULT, Answer(["late"], first_token_delay_s=60)])
    async with setting(server, failures=1, rest_ms=1, retries=0) as stage:
        await stage.failure()
        await asyncio.sleep(0.01)
        trial = asyncio.create_task(stage.reply())
        await until(lambda: len(server.exchanges) == 2)
        trial.cancel()
        await asyncio.wait({trial})
        assert "Hi" in await stage.reply()
        assert stage.value("requests_total", endpoint="first", outcome="stopped") == 1


async def test_cancelling_reaches_the_endpoint() -> None:
    async with setting(LLMServer(tokens=["a", "b"], token_delay_s=60)) as stage:
        async with aclosing(stage.responder.respond(asked(PROMPT), asyncio.Event())) as pieces:
            assert await anext(pieces) == "a"
        await asyncio.wait_for(stage.servers[0].exchanges[0].over.wait(), 5)
        assert stage.servers[0].exchanges[0].disconnected


async def test_an_empty_reply_is_asked_for_again_and_then_elsewhere() -> None:
    async with setting(LLMServer(tokens=[]), LLMServer(tokens=["Hi"]), failures=1) as stage:
        assert (await stage.reply())[-1] == "Hi"
        assert stage.asked() == [2, 1]
        assert stage.value("breaker_open", endpoint="first") == 0  # it has answered, after all


async def test_the_endpoint_that_would_be_asked_is_prewarmed() -> None:
    async with setting(LLMServer(answers=[FAULT, FAULT]), LLMServer(), failures=2) as stage:
        await stage.responder.prewarm(asked(PROMPT))
        assert stage.asked() == [1, 0]
        await stage.responder.prewarm(asked(PROMPT))  # failed a moment ago: not again yet
        assert stage.asked() == [1, 0]


async def test_an_endpoint_left_alone_is_not_prewarmed() -> None:
    async with setting(LLMServer(status=500), LLMServer(), failures=1) as stage:
        await stage.reply()
        await stage.responder.prewarm(asked(PROMPT))
        assert stage.asked() == [1, 2]


async def test_any_endpoints_answer_is_an_answer() -> None:
    async with setting(LLMServer(status=500), LLMServer()) as stage:
        assert not stage.responder.answered
        await stage.responder.warm(asked(PROMPT))
        assert stage.responder.answered


async def test_the_log_says_which_endpoint_failed_and_how() -> None:
    async with setting(LLMServer(status=404), LLMServer()) as stage:
        with structlog.testing.capture_logs() as records:
            await stage.reply()
        [failed, again] = records
        assert (failed["event"], failed["endpoint"], failed["url"]) == (
            "model endpoint failed",
            "first",
            stage.servers[0].url,
        )
        assert failed["reason"].startswith("the language model endpoint answered HTTP 404, test_code: {")
        assert (again["remedy"], again["endpoint"]) == ("switch", "second")


async def test_no_endpoints_answer_is_none() -> None:
    async with setting(LLMServer(status=500), LLMServer(refuse=True)) as stage:
        with pytest.raises(errors.LLMUnreachable):
            await stage.responder.warm(asked(PROMPT))
        assert not stage.responder.answered
