"""Retries, failover and circuit breakers, with real HTTP servers as endpoints."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import structlog

from tests.llm_server import Answer, Ending, LLMServer
from tests.observing import asked, until
from voicegw import errors
from voicegw.core.events import Message, ReplyNotice, ReplyPiece
from voicegw.core.reply_parameters import NO_PARAMETERS, ReplyParameters
from voicegw.core.responder import ModelUsage
from voicegw.reply.llm.circuit_breaker import BreakerOptions
from voicegw.reply.llm.failover import FailoverOptions, FailoverResponder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

PROMPT = (Message("user", "hello"),)
SLOW = Answer(["too late"], first_token_delay_s=60)
UNAVAILABLE = Answer(status=503)
PATIENT_MS, HASTY_MS = 10_000, 500  # first-token timeouts; the second for endpoints that are to be too slow


@dataclass
class Scenario:
    """Endpoints, and the responder that uses them."""

    responder: FailoverResponder
    servers: Sequence[LLMServer]
    metrics: Metrics

    async def reply(self, parameters: ReplyParameters = NO_PARAMETERS) -> list[ReplyPiece]:
        confirmed = asyncio.Event()
        request = replace(asked(PROMPT), parameters=parameters)
        async with aclosing(self.responder.respond(request, confirmed)) as pieces:
            return [piece async for piece in pieces if not isinstance(piece, ModelUsage)]

    async def failure(self, parameters: ReplyParameters = NO_PARAMETERS) -> errors.ReplyError:
        with pytest.raises(errors.ReplyError) as failed:
            await self.reply(parameters)
        return failed.value

    def asked(self) -> list[int]:
        """How many requests each endpoint had."""
        return [len(server.exchanges) for server in self.servers]

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"voicegw_llm_{name}", labels)


@asynccontextmanager
async def scenario(
    *servers: LLMServer,
    retries: int = 1,
    failures: int = 100,
    rest_ms: int = 60_000,
    timeout_ms: int = PATIENT_MS,
) -> AsyncIterator[Scenario]:
    metrics = Metrics()
    options = FailoverOptions(retries=retries, breaker=BreakerOptions(failures, rest_ms))
    for server in servers:
        await server.__aenter__()
    endpoints = [
        LLMResponder(LLMOptions(url=server.url, model="tiny", first_token_timeout_ms=timeout_ms))
        for server in servers
    ]
    responder = FailoverResponder(endpoints, options, metrics)
    try:
        yield Scenario(responder, servers, metrics)
    finally:
        await responder.close()
        for server in servers:
            await server.__aexit__(None, None, None)


def again(code: str, what: str) -> ReplyNotice:
    """The notice of one more request."""
    return ReplyNotice(code, what, asks_again=True)


async def test_a_working_endpoint_gets_one_request() -> None:
    async with scenario(LLMServer(tokens=["Hi", "."]), LLMServer()) as run:
        assert await run.reply() == ["Hi", "."]
        assert run.asked() == [1, 0]
        assert run.value("requests_total", endpoint="first", outcome="answered") == 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (SLOW, "llm_timeout"),
        (UNAVAILABLE, "llm_broken"),
        (Answer(ending=Ending.UNFINISHED), "llm_interrupted"),
        (Answer(ending=Ending.ERROR), "llm_broken"),
    ],
)
async def test_a_failure_before_the_first_token_is_retried(failure: Answer, code: str) -> None:
    timeout_ms = HASTY_MS if failure is SLOW else PATIENT_MS
    async with scenario(LLMServer(tokens=["Hi"], answers=[failure]), timeout_ms=timeout_ms) as run:
        assert await run.reply() == [
            again(code, "the request is sent to the first endpoint again"),
            "Hi",
        ]
        assert run.value("mitigations_total", mitigation="retry") == 1


async def test_it_is_retried_once() -> None:
    async with scenario(LLMServer(answers=[SLOW, UNAVAILABLE]), timeout_ms=HASTY_MS) as run:
        assert isinstance(await run.failure(), errors.LLMBroken)
        assert run.asked() == [2]


async def test_a_slow_request_is_cancelled_before_the_retry() -> None:
    async with scenario(LLMServer(answers=[SLOW]), timeout_ms=HASTY_MS) as run:
        await run.reply()
        await asyncio.wait_for(run.servers[0].exchanges[0].over.wait(), 5)
        assert run.servers[0].exchanges[0].disconnected


async def test_a_reply_that_has_begun_is_never_repeated() -> None:
    answers = [Answer(["Hi"]), Answer(["half"], ending=Ending.CUT)]
    async with scenario(LLMServer(answers=answers), LLMServer()) as run:
        await run.reply()  # it begins with the answer, so the next one is shown at once
        assert isinstance(await run.failure(), errors.LLMInterrupted)
        assert run.asked() == [2, 0]


async def test_a_reply_without_visible_text_is_repeated() -> None:
    answers = [Answer(["half"], ending=Ending.CUT), Answer(["Hi"])]
    async with scenario(LLMServer(answers=answers)) as run:
        notice = again("llm_interrupted", "the request is sent to the first endpoint again")
        assert await run.reply() == [notice, "Hi"]


@pytest.mark.parametrize(
    ("status", "code"), [(429, "llm_rate_limited"), (401, "llm_unauthorized"), (400, "llm_rejected")]
)
async def test_a_refused_request_goes_to_the_second_endpoint_at_once(status: int, code: str) -> None:
    async with scenario(LLMServer(status=status), LLMServer(tokens=["Hi"])) as run:
        assert await run.reply() == [
            again(code, "the request is sent to the second endpoint instead"),
            "Hi",
        ]
        assert run.asked() == [1, 1]


@pytest.mark.parametrize(("status", "code"), [(429, "llm_rate_limited"), (503, "llm_broken")])
async def test_an_endpoint_gets_no_request_before_its_retry_after(status: int, code: str) -> None:
    busy = Answer(status=status, retry_after="30")
    async with scenario(LLMServer(answers=[busy]), LLMServer(tokens=["Hi"])) as run:
        assert await run.reply() == [
            again(code, "the request is sent to the second endpoint instead"),
            "Hi",
        ]
        instead = again("llm_unavailable", "the request is sent to the second endpoint instead")
        assert await run.reply() == [instead, "Hi"]
        await run.responder.prewarm(asked(PROMPT))
        assert run.asked() == [1, 3]


async def test_without_a_second_endpoint_the_error_says_when_to_retry() -> None:
    async with scenario(LLMServer(answers=[Answer(status=429, retry_after="30")])) as run:
        assert (await run.failure()).retry_after_ms == 30_000
        later = await run.failure()
        assert isinstance(later, errors.LLMUnavailable)
        assert later.retry_after_ms is not None
        assert 29_000 < later.retry_after_ms <= 30_000
        assert run.asked() == [1]


async def test_every_reply_waits_for_a_short_retry_after() -> None:
    busy = Answer(status=429, retry_after="2")
    async with scenario(LLMServer(tokens=["Hi"], answers=[busy])) as run:
        first = asyncio.create_task(run.reply())
        refused = {"endpoint": "first", "outcome": "llm_rate_limited"}
        await until(lambda: run.value("requests_total", **refused) == 1)
        what = "the request is sent to the first endpoint again"
        assert await run.reply() == [again("llm_unavailable", what), "Hi"]
        assert await first == [again("llm_rate_limited", what), "Hi"]
        assert run.asked() == [3]


@pytest.mark.parametrize("delays_s", [(0.0, 0.2), (0.2, 0.0)])
async def test_the_longer_of_two_pauses_counts(delays_s: tuple[float, float]) -> None:
    pauses = zip(("1.5", "0.5"), delays_s, strict=True)
    busy = [Answer(status=429, retry_after=pause, first_token_delay_s=delay) for pause, delay in pauses]
    async with scenario(LLMServer(tokens=["Hi"], answers=busy)) as run:
        replies = await asyncio.gather(run.reply(), run.reply())
        assert [pieces[-1] for pieces in replies] == ["Hi", "Hi"]
        first, _, *retries = [exchange.received_s for exchange in run.servers[0].exchanges]
        assert min(retries) - first >= 1.5


@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_does_not_open_the_breaker(status: int) -> None:
    busy = Answer(status=status, retry_after="0.2", first_token_delay_s=0.1)
    async with scenario(LLMServer(tokens=["Hi"], answers=[busy] * 5), failures=3) as run:
        replies = await asyncio.gather(*(run.reply() for _ in range(5)))
        assert [pieces[-1] for pieces in replies] == ["Hi"] * 5
        assert run.value("mitigations_total", mitigation="opened") is None


async def test_a_trial_with_a_retry_after_is_repeated_after_the_pause() -> None:
    busy = Answer(status=429, retry_after="0.1")
    server = LLMServer(tokens=["Hi"], answers=[UNAVAILABLE, busy])
    async with scenario(server, failures=1, rest_ms=1, retries=0) as run:
        await run.failure()
        await asyncio.sleep(0.01)
        assert (await run.reply())[-1] == "Hi"
        assert run.value("breaker_open", endpoint="first") == 0


async def test_the_second_endpoint_is_used_instead_of_a_pause() -> None:
    busy = Answer(status=429, retry_after="0.5")
    async with scenario(LLMServer(answers=[busy]), LLMServer(tokens=["Hi"])) as run:
        assert (await run.reply())[-1] == "Hi"
        assert run.asked() == [1, 1]


async def test_a_reply_waits_for_one_pause_only() -> None:
    async with scenario(LLMServer(script=lambda _: Answer(status=429, retry_after="0.05"))) as run:
        assert isinstance(await run.failure(), errors.LLMRateLimited)
        assert run.asked() == [2]


async def test_after_the_retry_the_second_endpoint_is_used() -> None:
    async with scenario(LLMServer(status=500), LLMServer(tokens=["Hi"])) as run:
        *notices, text = await run.reply()
        assert text == "Hi"
        assert [notice.mitigation for notice in notices if isinstance(notice, ReplyNotice)] == [
            "the request is sent to the first endpoint again",
            "the request is sent to the second endpoint instead",
        ]
        assert run.asked() == [2, 1]


async def test_an_endpoint_without_a_server_is_replaced() -> None:
    async with scenario(LLMServer(refuse=True), LLMServer(tokens=["Hi"])) as run:
        assert (await run.reply())[-1] == "Hi"


async def test_when_all_endpoints_fail_the_reply_fails() -> None:
    async with scenario(LLMServer(status=500), LLMServer(status=401)) as run:
        assert isinstance(await run.failure(), errors.LLMUnauthorized)
        assert run.asked() == [2, 1]


async def test_an_endpoint_that_fails_repeatedly_gets_no_requests() -> None:
    async with scenario(LLMServer(status=500), LLMServer(tokens=["Hi"]), failures=2) as run:
        opened = "the first endpoint fails repeatedly and gets no requests for 60 s"
        assert ReplyNotice("llm_unavailable", opened) in await run.reply()
        instead = again("llm_unavailable", "the request is sent to the second endpoint instead")
        assert await run.reply() == [instead, "Hi"]
        assert run.asked() == [2, 2]
        assert run.value("breaker_open", endpoint="first") == 1


async def test_without_a_second_endpoint_an_open_breaker_fails_replies_at_once() -> None:
    async with scenario(LLMServer(status=500), failures=2) as run:
        await run.failure()
        assert isinstance(await run.failure(), errors.LLMUnavailable)
        assert run.asked() == [2]


async def test_the_first_endpoint_is_used_again_once_it_answers() -> None:
    async with scenario(LLMServer(tokens=["Hi"], answers=[UNAVAILABLE]), failures=1, rest_ms=300) as run:
        await run.failure()
        await asyncio.sleep(0.35)
        assert await run.reply() == [
            ReplyNotice("llm_unavailable", "the first endpoint answers again"),
            "Hi",
        ]
        assert await run.reply() == ["Hi"]
        assert run.value("mitigations_total", mitigation="closed") == 1


async def test_a_refusal_of_one_request_does_not_count_against_the_endpoint() -> None:
    async with scenario(LLMServer(tokens=["Hi"], answers=[Answer(status=400)]), failures=1) as run:
        await run.failure()
        assert await run.reply() == ["Hi"]


async def test_a_failure_that_a_client_may_have_asked_for_does_not_open_the_breaker() -> None:
    async with scenario(LLMServer(answers=[SLOW, SLOW]), failures=1, timeout_ms=HASTY_MS) as run:
        assert isinstance(await run.failure(ReplyParameters(effort="xhigh")), errors.LLMTimeout)
        assert await run.reply() == ["Hello", " there", "."]


async def test_an_endpoint_without_a_server_opens_the_breaker_whatever_a_client_asks_for() -> None:
    async with scenario(LLMServer(refuse=True), failures=2) as run:
        await run.failure(ReplyParameters(effort="xhigh"))
        assert isinstance(await run.failure(), errors.LLMUnavailable)


async def test_after_an_interrupted_trial_the_next_request_is_the_trial() -> None:
    server = LLMServer(tokens=["Hi"], answers=[UNAVAILABLE, Answer(["late"], first_token_delay_s=60)])
    async with scenario(server, failures=1, rest_ms=1, retries=0) as run:
        await run.failure()
        await asyncio.sleep(0.01)
        trial = asyncio.create_task(run.reply())
        await until(lambda: len(server.exchanges) == 2)
        trial.cancel()
        await asyncio.wait({trial})
        assert "Hi" in await run.reply()
        assert run.value("requests_total", endpoint="first", outcome="stopped") == 1


async def test_a_reply_that_is_closed_at_a_notice_leaves_the_trial_to_the_next_one() -> None:
    first, second = LLMServer(answers=[UNAVAILABLE] * 3), LLMServer(tokens=["Hi"], answers=[UNAVAILABLE])
    async with scenario(first, second, failures=1, rest_ms=1, retries=0) as run:
        await run.failure()
        await asyncio.sleep(0.01)
        async with aclosing(run.responder.respond(asked(PROMPT), asyncio.Event())) as pieces:
            while not getattr(await anext(pieces), "asks_again", False):
                pass
        assert run.asked() == [2, 1]
        await asyncio.sleep(0.01)
        assert "Hi" in await run.reply()


async def test_closing_a_reply_closes_the_connection() -> None:
    async with scenario(LLMServer(tokens=["a", "b"], token_delay_s=60)) as run:
        async with aclosing(run.responder.respond(asked(PROMPT), asyncio.Event())) as pieces:
            assert await anext(pieces) == "a"
        await asyncio.wait_for(run.servers[0].exchanges[0].over.wait(), 5)
        assert run.servers[0].exchanges[0].disconnected


async def test_an_empty_reply_is_retried_and_then_sent_to_the_second_endpoint() -> None:
    async with scenario(LLMServer(tokens=[]), LLMServer(tokens=["Hi"]), failures=1) as run:
        assert (await run.reply())[-1] == "Hi"
        assert run.asked() == [2, 1]
        assert run.value("breaker_open", endpoint="first") == 0  # an empty reply is an answer


async def test_the_endpoint_of_the_next_reply_is_prewarmed() -> None:
    async with scenario(LLMServer(answers=[UNAVAILABLE, UNAVAILABLE]), LLMServer(), failures=2) as run:
        await run.responder.prewarm(asked(PROMPT))
        assert run.asked() == [1, 0]
        await run.responder.prewarm(asked(PROMPT))  # failed a moment ago
        assert run.asked() == [1, 0]


async def test_an_endpoint_with_an_open_breaker_is_not_prewarmed() -> None:
    async with scenario(LLMServer(status=500), LLMServer(), failures=1) as run:
        await run.reply()
        await run.responder.prewarm(asked(PROMPT))
        assert run.asked() == [1, 2]


async def test_one_answer_of_any_endpoint_counts() -> None:
    async with scenario(LLMServer(status=500), LLMServer()) as run:
        assert not run.responder.answered
        await run.responder.warm(asked(PROMPT))
        assert run.responder.answered


async def test_the_log_says_which_endpoint_failed_and_how() -> None:
    async with scenario(LLMServer(status=404), LLMServer()) as run:
        with structlog.testing.capture_logs() as records:
            await run.reply()
        [failed, again] = records
        assert (failed["event"], failed["endpoint"], failed["url"]) == (
            "model endpoint failed",
            "first",
            run.servers[0].url,
        )
        assert failed["reason"].startswith("the language model endpoint answered HTTP 404, test_code: {")
        assert (again["mitigation"], again["endpoint"]) == ("switch", "second")


async def test_without_an_answer_of_any_endpoint_there_is_none() -> None:
    async with scenario(LLMServer(status=500), LLMServer(refuse=True)) as run:
        with pytest.raises(errors.LLMUnreachable):
            await run.responder.warm(asked(PROMPT))
        assert not run.responder.answered
