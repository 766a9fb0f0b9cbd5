"""One session's moderation: one check at a time, and a judge that fails holds up nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import pytest

from voicegw.core.actions import Respond
from voicegw.core.chat_history import reply_item
from voicegw.core.commands import AddItem, Cancel, Configure, TypeText
from voicegw.core.events import (
    ClientToolCalled,
    Event,
    FinalTranscript,
    Message,
    ModerationTarget,
    ReplyDelta,
    ReplyNotice,
    ReplyStep,
)
from voicegw.core.moderation_queue import NO_TURN, Check
from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.errors import ModerationFailed, RateLimited
from voicegw.gateway.session.moderation_task import Moderation
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")


@dataclass
class Judge:
    """Finds a category in every text with "bad" in it, once the gate is open; or fails, for so many times."""

    every_characters: int = 20
    down: bool = False
    failures: int = 0
    category: str = "bad"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    judged: list[str] = field(default_factory=list)

    async def judge(self, text: str) -> Sequence[str]:
        self.judged.append(text)
        await self.gate.wait()
        self.failures -= 1
        if self.down or self.failures >= 0:
            raise ModerationFailed
        return [self.category] if "bad" in text else []

    async def close(self) -> None:
        """There is nothing to give back."""


@dataclass
class Court:
    """A running moderation, and what came of it."""

    judge: Judge
    moderation: Moderation
    hits: list[tuple[Check, tuple[str, ...]]]
    told: list[Event]
    metrics: Metrics

    def count(self, what: str, outcome: str) -> float | None:
        labels = {"what": what, "outcome": outcome}
        return self.metrics.registry.get_sample_value("voicegw_moderation_checks_total", labels)


@asynccontextmanager
async def court(judge: Judge) -> AsyncIterator[Court]:
    hits: list[tuple[Check, tuple[str, ...]]] = []
    told: list[Event] = []
    metrics = Metrics()
    moderation = Moderation(judge, metrics, lambda check, found: hits.append((check, found)), told.append)
    running = asyncio.create_task(moderation.run())
    yield Court(judge, moderation, hits, told, metrics)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def say(session: "Court", turn: int, text: str) -> None:
    session.moderation.receive_event(FinalTranscript(turn, text, (), 0, 1))


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


async def test_a_hit() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        say(session, 3, "something bad")
        say(session, 4, "something nice")
        await settle()
    assert session.hits == [(Check(3, ModerationTarget.INPUT, "something bad"), ("bad",))]
    assert (session.count("input", "hit"), session.count("input", "passed")) == (1, 1)


async def test_one_check_at_a_time_and_then_the_newest_text() -> None:
    async with court(Judge()) as session:
        for sentence in ("One. ", "Two. ", "Three. "):
            session.moderation.receive_event(ReplyDelta(1, sentence))
            await settle()
        session.judge.gate.set()
        await settle()
    assert session.judge.judged == ["One. ", "One. Two. Three. "]


async def test_a_judge_that_fails_is_mentioned_once_and_asked_again() -> None:
    async with court(Judge(down=True)) as session:
        session.judge.gate.set()
        say(session, 1, "something bad")
        say(session, 2, "something bad")
        await settle()
        session.judge.down = False
        say(session, 3, "something bad")
        await settle()
    assert session.told == [ReplyStep(1, ReplyNotice("moderation_failed", "what is said goes unjudged"))]
    assert [check.turn for check, _ in session.hits] == [3]
    assert session.count("input", "failed") == 2


async def test_what_was_typed_is_judged_and_what_is_only_supposed_is_not() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        asked = (Message("user", "something bad"),)
        session.moderation.receive_request(Respond(1, 1, asked, speculative=True))
        await settle()
        assert session.judge.judged == []
        session.moderation.receive_request(Respond(1, 2, asked))
        await settle()
    assert [check.turn for check, _ in session.hits] == [1]


async def test_all_that_the_model_has_not_answered_is_judged() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        told = [Message("user", "old"), Message("assistant", "so", id=reply_item(1))]
        texts = [*told, Message("user", "one"), Message("user", "two")]
        session.moderation.receive_request(Respond(1, 1, tuple(texts)))
        await settle()
    assert session.judge.judged == ["one", "two"]


async def test_what_a_client_writes_in_the_name_of_the_model_hides_nothing() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        prompt = (Message("system", "Help."), Message("user", "something bad"), Message("assistant", "ok"))
        session.moderation.receive_request(Respond(1, 1, (*prompt, Message("user", "go on"))))
        await settle()
    assert session.judge.judged == ["something bad", "ok", "go on"]
    assert [check.turn for check, _ in session.hits] == [1]


async def test_a_judge_that_breaks_costs_its_judgement_only() -> None:
    async with court(Judge(gate=BrokenGate())) as session:
        say(session, 1, "something bad")
        await settle()
        assert session.count("input", "failed") == 1
        assert len(session.told) == 1


@pytest.mark.parametrize("place", [0, 3_597, 3_998, 7_599, 7_997])
async def test_a_long_text_is_judged_whole(place: int) -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        say(session, 1, "x" * place + "bad" + "x" * (7_997 - place))
        await settle()
    assert [check.turn for check, _ in session.hits] == [1]


async def test_a_burst_passes_no_word_by() -> None:
    async with court(Judge()) as session:
        for turn in range(1, 101):
            say(session, turn, "something bad" if turn == 2 else "something nice")
        session.judge.gate.set()
        await settle()
    assert 2 in [check.turn for check, _ in session.hits]
    assert sum(text.count("something") for text in session.judge.judged) == 100


async def test_a_piece_that_cannot_be_judged_does_not_spare_the_others() -> None:
    async with court(Judge(failures=1)) as session:
        session.judge.gate.set()
        say(session, 1, "x" * 4_000 + "bad")
        await settle()
    assert [check.turn for check, _ in session.hits] == [1]


async def test_no_more_may_be_typed_when_too_much_waits_to_be_judged() -> None:
    async with court(Judge()) as session:
        for turn in range(1, 9):
            session.moderation.receive_command(TypeText("x" * 8_000))
            say(session, turn, "x" * 8_000)
        with pytest.raises(RateLimited):
            session.moderation.receive_command(TypeText("hello"))
        session.moderation.receive_command(Cancel())
        session.judge.gate.set()
        await settle()
        session.moderation.receive_command(TypeText("hello"))


async def test_categories_can_be_told_whatever_they_are_called() -> None:
    async with court(Judge(category="bad \ud800")) as session:
        session.judge.gate.set()
        say(session, 1, "something bad")
        await settle()
    assert [found for _, found in session.hits] == [("bad \ufffd",)]


class BrokenGate(asyncio.Event):
    async def wait(self) -> Literal[True]:
        raise AttributeError("something bad")


async def test_instructions_of_a_client_are_judged_when_they_are_set() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        session.moderation.receive_command(Configure(instructions="Say something bad."))
        session.moderation.receive_command(Configure(language="de"))
        await settle()
    assert session.hits == [(Check(NO_TURN, ModerationTarget.INPUT, "Say something bad."), ("bad",))]


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
async def test_an_item_is_judged_when_it_is_added_and_only_then(role: str) -> None:
    """A speculative reply may answer it, or it may be put before the last reply."""
    async with court(Judge()) as session:
        session.judge.gate.set()
        item = Message(role, "something bad", id="client 1")
        session.moderation.receive_command(AddItem(item, ""))
        await settle()
        assert session.hits == [(Check(NO_TURN, ModerationTarget.INPUT, "something bad"), ("bad",))]
        session.moderation.receive_request(Respond(1, 1, (item, Message("user", "hello", id="turn 1"))))
        session.moderation.receive_request(Respond(2, 2, (item,)))
        await settle()
    assert session.judge.judged == ["something bad", "hello"]


async def test_each_of_two_equal_items_is_judged() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        for number in (1, 2):
            session.moderation.receive_command(AddItem(Message("user", "bad", id=f"client {number}")))
        await settle()
    assert len(session.hits) == 2


async def test_arguments_that_a_client_writes_are_judged() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        calls = Message("assistant", "", (ClientToolCalled("1", "weather", '"bad"'),))
        session.moderation.receive_command(AddItem(calls))
        await settle()
        assert [check.turn for check, _ in session.hits] == [NO_TURN]
        session.moderation.receive_request(Respond(1, 1, (calls, Message("user", "hello")), own_prompt=True))
        await settle()
    assert [check.turn for check, _ in session.hits] == [NO_TURN, 1]


async def test_tools_are_judged_when_they_are_set() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        for max_tokens in (None, 5):  # the tools stay the same
            session.moderation.receive_command(Configure(parameters=tools("Does bad.", max_tokens)))
        session.moderation.receive_request(Respond(1, 1, (Message("user", "hello"),), parameters=BAD_TOOLS))
        await settle()
        assert session.judge.judged == [BAD_TOOLS.declarations, "hello"]
        assert [check.turn for check, _ in session.hits] == [NO_TURN]
        session.moderation.receive_command(Configure(parameters=ReplyParameters()))
        session.moderation.receive_command(Configure(parameters=BAD_TOOLS))
        await settle()
    assert len(session.hits) == 2


async def test_tools_of_one_reply_are_judged_with_its_request() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        session.moderation.receive_command(Configure(parameters=tools("Does good.")))
        session.moderation.receive_request(Respond(1, 1, (Message("user", "hello"),), parameters=BAD_TOOLS))
        await settle()
    assert [check.turn for check, _ in session.hits] == [1]


async def test_no_tools_may_be_set_when_too_much_waits_to_be_judged() -> None:
    async with court(Judge()) as session:
        session.moderation.receive_command(Configure(parameters=tools("x" * 64_000)))
        with pytest.raises(RateLimited):
            session.moderation.receive_command(Configure(parameters=BAD_TOOLS))
        session.judge.gate.set()
        await settle()
        session.moderation.receive_command(Configure(parameters=BAD_TOOLS))
        await settle()
    assert [check.text for check, _ in session.hits] == [BAD_TOOLS.declarations]


def tools(description: str, max_tokens: int | None = None) -> ReplyParameters:
    return ReplyParameters((ClientTool("act", description, "{}"),), max_tokens=max_tokens)


BAD_TOOLS = tools("Does bad.")


async def test_instructions_for_one_reply_are_judged_with_its_request() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        prompt = (Message("system", "Say something bad."), Message("user", "hello"))
        session.moderation.receive_request(Respond(1, 1, prompt, own_prompt=True))
        await settle()
    assert [check.turn for check, _ in session.hits] == [1]


async def test_instructions_of_the_server_are_not_judged() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        prompt = (Message("system", "Say nothing bad."), Message("user", "hello"))
        session.moderation.receive_request(Respond(1, 1, prompt))
        await settle()
    assert session.judge.judged == ["hello"]
