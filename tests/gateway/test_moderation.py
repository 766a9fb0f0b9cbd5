"""One session's moderation: one check at a time, and a judge that fails holds up nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from voicegw.core.actions import Respond
from voicegw.core.events import (
    Event,
    FinalTranscript,
    Judged,
    Message,
    ReplyDelta,
    ReplyNotice,
    ReplyStep,
)
from voicegw.core.moderation import Check
from voicegw.errors import ModerationFailed
from voicegw.gateway.moderation import Moderation
from voicegw.telemetry import Metrics


@dataclass
class Judge:
    """Finds a category in every text with "bad" in it, once the gate is open; or fails."""

    every_characters: int = 20
    down: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    judged: list[str] = field(default_factory=list)

    async def judge(self, text: str) -> Sequence[str]:
        self.judged.append(text)
        await self.gate.wait()
        if self.down:
            raise ModerationFailed
        return ["bad"] if "bad" in text else []

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
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_hit() -> None:
    async with court(Judge()) as session:
        session.judge.gate.set()
        say(session, 3, "something bad")
        say(session, 4, "something nice")
        await settle()
    assert session.hits == [(Check(3, Judged.INPUT, "something bad"), ("bad",))]
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


async def test_a_judge_that_breaks_costs_its_judgement_only() -> None:
    async with court(Judge(gate=BrokenGate())) as session:
        say(session, 1, "something bad")
        await settle()
        assert session.count("input", "failed") == 1
        assert len(session.told) == 1


class BrokenGate(asyncio.Event):
    async def wait(self) -> Literal[True]:
        raise AttributeError("something bad")
