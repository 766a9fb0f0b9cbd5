"""The requests of one session, with a scripted session and model around them."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tests.gateway.fakes import LOUD, ScriptedRecognizer, ScriptedResponder, staged, windowed
from tests.observing import until
from tests.peer import joined
from voicegw.core.actions import Action, Respond
from voicegw.core.chat_history import reply_messages
from voicegw.core.events import Message, ReplyNotice, ToolAnswered, ToolCalled
from voicegw.core.history_length import CHARACTERS_PER_TOKEN, characters_of
from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.core.responder import ModelUsage
from voicegw.core.session import Session
from voicegw.dialects import native
from voicegw.errors import LLMTimeout, RateLimited
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.driver import Driver
from voicegw.gateway.session.llm_task import LLMTask
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

PROMPT = (Message("user", "hello"),)


@dataclass
class Stage:
    """LLMTask, and what the session heard of it: pieces, and for each end its error's code."""

    name = "s1"
    responder: ScriptedResponder = field(default_factory=ScriptedResponder)
    metrics: Metrics = field(default_factory=Metrics)
    heard: list[tuple[int, object]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    declared: int = 0
    saved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        session = cast(Session, self)
        driver = Driver(session, lambda action: None)
        transcription = windowed(ScriptedRecognizer())
        services = Services(transcription, self.responder, self.metrics, declared=self.declared)
        limits = Limits(LimitOptions(), self.metrics)
        limiter = SessionLimiter(limits, "", "", 1, Quota(limits.session_rates))
        self.saved.set()
        self.replying = LLMTask(driver, services, "ada", self._spawn, limiter, self._wait_until_saved)

    async def _wait_until_saved(self) -> None:
        await self.saved.wait()

    def actions(self) -> list[Action]:
        return []

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work, name=name))
        return self.tasks[-1]

    @property
    def replies(self) -> "Stage":
        """The part of a session that takes what the model writes."""
        return self

    def receive_piece(self, attempt: int, piece: object, now: float) -> None:
        self.heard.append((attempt, piece))

    def receive_end(self, attempt: int, error: Exception | None, now: float, used: object) -> None:
        self.heard.append((attempt, None if error is None else type(error).__name__))

    def count(self, *, speculative: bool, used: bool) -> float:
        labels = {"speculative": str(speculative).lower(), "used": str(used).lower()}
        return self.metrics.registry.get_sample_value("voicegw_replies_total", labels) or 0

    @property
    def wasted(self) -> float | None:
        return self.metrics.registry.get_sample_value("voicegw_wasted_tokens_total")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    one = Stage()
    yield one
    for task in one.tasks:
        task.cancel()
    await asyncio.gather(*one.tasks, return_exceptions=True)


async def test_hands_on_what_the_model_writes(stage: Stage) -> None:
    stage.replying.start(Respond(1, 1, PROMPT))
    await stage.tasks[0]
    assert stage.heard == [(1, "Good"), (1, " day."), (1, None)]
    assert (stage.count(speculative=False, used=True), stage.wasted) == (1, 0)


async def test_a_tool_starts_once_its_call_is_saved(stage: Stage) -> None:
    stage.saved.clear()
    call = ToolCalled("a", "clock", "{}")
    stage.responder.pieces = [call, ToolAnswered("a", "clock", "noon", ok=True)]
    stage.replying.start(Respond(1, 1, PROMPT))
    await until(lambda: stage.heard)
    await asyncio.sleep(0.05)
    assert stage.heard == [(1, call)]
    stage.saved.set()
    await stage.tasks[0]
    assert len(stage.heard) == 3


async def test_stopping_closes_the_request(stage: Stage) -> None:
    stage.responder.gate.clear()
    stage.replying.start(Respond(1, 1, PROMPT))
    await until(lambda: stage.heard)
    stage.replying.stop()
    await stage.responder.stopped.wait()
    assert stage.heard == [(1, "Good")]


async def test_an_attempt_ahead_of_its_turn_waits_to_be_of_use(stage: Stage) -> None:
    stage.replying.start(Respond(1, 1, PROMPT, speculative=True))
    await until(lambda: len(stage.heard) == 3)
    assert stage.count(speculative=True, used=True) == 0
    stage.replying.confirm()
    await stage.tasks[0]
    assert (stage.count(speculative=True, used=True), stage.wasted) == (1, 0)


async def test_one_that_is_stopped_was_a_waste(stage: Stage) -> None:
    stage.replying.start(Respond(1, 1, PROMPT, speculative=True))
    await until(lambda: len(stage.heard) == 3)
    stage.replying.stop()
    await asyncio.gather(*stage.tasks, return_exceptions=True)
    assert (stage.count(speculative=True, used=False), stage.wasted) == (1, 2)


@pytest.mark.parametrize(
    ("failure", "name"), [(LLMTimeout(), "LLMTimeout"), (RuntimeError(), "InternalError")]
)
async def test_a_failure_is_told(stage: Stage, failure: Exception, name: str) -> None:
    stage.responder.failure = failure
    stage.replying.start(Respond(1, 1, PROMPT, speculative=True))
    await stage.tasks[0]
    assert stage.heard[-1] == (1, name)
    assert stage.count(speculative=True, used=False) == 1


class Budget:
    """A meter that notes how long prompts are and the tokens written, and lets `allowed` of them pass."""

    def __init__(self, allowed: int) -> None:
        self.prompts: list[int] = []
        self.written = 0.0
        self._allowed = allowed

    async def admit_reply(self, characters: int, now: float) -> None:
        self.prompts.append(characters)
        if len(self.prompts) > self._allowed:
            raise RateLimited(retry_after_ms=1)

    def count_reply(self, tokens: float, now: float) -> None:
        self.written += tokens


CALLS = [ToolCalled("a", "clock", "{}"), ToolCalled("b", "clock", "{}")]
ANSWERS = [ToolAnswered("b", "clock", " noon", ok=True), ToolAnswered("a", "clock", " one", ok=True)]


async def test_each_request_of_a_turn_with_tools_is_charged(stage: Stage) -> None:
    stage.responder.pieces = cast(Any, ["So.", *CALLS, *ANSWERS, "Noon."])
    budget = Budget(allowed=2)
    stage.replying.limiter = cast(SessionLimiter, budget)
    stage.replying.start(Respond(1, 1, PROMPT))
    await stage.tasks[0]
    said = reply_messages(["So.", *CALLS, *ANSWERS])
    assert budget.prompts == [characters_of(PROMPT), characters_of((*PROMPT, *said))]
    assert budget.written == len("So.{}{}Noon.") / CHARACTERS_PER_TOKEN
    assert stage.heard[-2:] == [(1, "Noon."), (1, None)]


async def test_a_request_that_is_made_again_is_charged_again(stage: Stage) -> None:
    again = ReplyNotice("llm_timeout", "asked again", asks_again=True)
    stage.responder.pieces = cast(Any, [ReplyNotice("llm_unavailable", "left alone"), again, "Noon."])
    budget = Budget(allowed=2)
    stage.replying.limiter = cast(SessionLimiter, budget)
    stage.replying.start(Respond(1, 1, PROMPT))
    await stage.tasks[0]
    assert budget.prompts == [characters_of(PROMPT)] * 2


@pytest.mark.parametrize(
    ("pieces", "beyond_prompt"),
    [
        ([ModelUsage(hidden=400), "Noon"], 101),
        ([ModelUsage(hidden=400), "Noon", ModelUsage(tokens=1_000)], 1_000 - 21 / 4),
        (["Noon", ModelUsage(hidden=400, tokens=1_000)], 1_000 - 21 / 4),
        (["Noon", ModelUsage(tokens=6)], 1),  # what it is said to be less than estimated is not given back
    ],
)
async def test_reasoning_is_charged_as_estimated_or_as_reported_and_not_told(
    stage: Stage, pieces: list[object], beyond_prompt: float
) -> None:
    assert characters_of(PROMPT) == 21
    stage.responder.pieces = cast(Any, pieces)
    budget = Budget(allowed=1)
    stage.replying.limiter = cast(SessionLimiter, budget)
    stage.replying.start(Respond(1, 1, PROMPT))
    await stage.tasks[0]
    assert budget.written == pytest.approx(beyond_prompt)
    assert stage.heard == [(1, "Noon"), (1, None)]


async def test_what_is_reported_counts_for_its_own_request_and_its_calls_are_in_it(stage: Stage) -> None:
    stage.responder.pieces = cast(Any, [ModelUsage(tokens=50), *CALLS, *ANSWERS, ModelUsage(tokens=70)])
    budget = Budget(allowed=2)
    stage.replying.limiter = cast(SessionLimiter, budget)
    stage.replying.start(Respond(1, 1, PROMPT))
    await stage.tasks[0]
    assert budget.written + sum(budget.prompts) / CHARACTERS_PER_TOKEN == pytest.approx(50 + 70)


async def test_the_declarations_of_tools_are_a_part_of_every_prompt() -> None:
    stage = Stage(declared=1_000)
    budget = Budget(allowed=1)
    stage.replying.limiter = cast(SessionLimiter, budget)
    tools = (ClientTool("weather", "Tells it.", "{}"),)
    stage.replying.start(Respond(1, 1, PROMPT, parameters=ReplyParameters(tools)))
    await stage.tasks[0]
    assert budget.prompts == [1_000 + len("weatherTells it.{}") + characters_of(PROMPT)]


async def test_a_long_piece_is_handed_on_in_parts_and_others_have_their_turn_in_between(stage: Stage) -> None:
    text = "".join(map(str, range(40_000)))
    stage.responder.pieces = [text]
    stage.replying.start(Respond(1, 1, PROMPT))
    turns = 0
    while not stage.tasks[0].done():
        await asyncio.sleep(0)
        turns += 1
    *parts, end = [piece for _, piece in stage.heard]
    assert ("".join(cast(list[str], parts)), end) == (text, None)
    assert max(len(cast(str, part)) for part in parts) <= 4_000
    assert turns > len(parts) > 2


async def test_over_the_budget_the_model_is_not_asked_again(stage: Stage) -> None:
    stage.responder.pieces = cast(Any, [*CALLS, *ANSWERS, "Noon."])
    stage.replying.limiter = cast(SessionLimiter, Budget(allowed=1))
    stage.replying.start(Respond(1, 1, PROMPT))
    await stage.tasks[0]
    assert stage.heard[-2:] == [(1, ANSWERS[-1]), (1, "RateLimited")]
    assert stage.responder.stopped.is_set()


def test_stopping_and_confirming_nothing_is_harmless() -> None:
    stage = Stage()
    stage.replying.stop()
    stage.replying.confirm()


async def test_a_reply_is_begun_in_a_pause_and_shown_when_the_turn_ends() -> None:
    half_a_pause = bytes(32_000 * 3 // 10)  # long enough for a decode, too short for an end
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send(LOUD, half_a_pause)
        await until(lambda: stage.responder.prompts)
        assert peer.of(native.SpeechStoppedMessage) == []
        await peer.send(half_a_pause)
        assert (await peer.until(native.ReplyDoneMessage)).text == "Good day."
        latency = await peer.until(native.LatencyMessage)
    assert (latency.speculative, latency.attempts, len(stage.responder.prompts)) == (True, 1, 1)
    assert stage.value("replies_total", speculative="true", used="true") == 1


async def test_one_that_the_speaker_goes_on_after_is_never_heard_of() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(LOUD, bytes(32_000 * 3 // 10))
        await until(lambda: stage.responder.prompts)
        await peer.send(LOUD)
        await stage.responder.stopped.wait()
        await until(lambda: stage.value("wasted_tokens_total") == 1)
        assert peer.of(native.ReplyStartedMessage) == []
        assert peer.of(native.ReplyDoneMessage) == []
