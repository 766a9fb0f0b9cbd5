"""The shell of the offline responder: whom it answers, and how the answer comes."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observing import certain
from voicegw.core.dialogue import Responder
from voicegw.core.events import Message
from voicegw.reply.offline import OfflineResponder, pieces


def noon() -> datetime:
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def ask(*messages: Message, responder: Responder | None = None) -> list[str]:
    responder = responder or OfflineResponder(noon, pace_ms=0)
    async with aclosing(responder.respond(messages, certain())) as reply:
        return [piece async for piece in reply if isinstance(piece, str)]


async def test_streams_a_few_words_at_a_time() -> None:
    assert await ask(Message("user", "What day is it?")) == ["Today is Sunday,", " November 22, 2026."]


async def test_reads_the_last_user_message() -> None:
    reply = await ask(
        Message("system", "Say no."),
        Message("user", "What day is it?"),
        Message("assistant", "Sunday."),
        Message("user", "What time is it?"),
        Message("assistant", "It is"),
    )
    assert "".join(reply) == "It is 12:00 PM."


async def test_a_prompt_without_a_user() -> None:
    assert "".join(await ask(Message("system", "Hi."))) == "I heard nothing to answer."


async def test_the_default_clock_knows_its_zone() -> None:
    reply = await ask(Message("user", "What time is it in Lagos?"), responder=OfflineResponder(pace_ms=0))
    assert "".join(reply).startswith("In Lagos it is ")


async def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", nap)
    reply = await ask(Message("user", "Say a b c d e f g"), responder=OfflineResponder(noon, pace_ms=20))
    assert (reply, naps) == (["a b c", " d e f", " g"], [0.02, 0.02])  # none before the first piece


async def test_can_be_stopped_between_pieces() -> None:
    responder = OfflineResponder(noon, pace_ms=60_000)
    async with aclosing(responder.respond((Message("user", "Say a b c d"),), certain())) as reply:
        assert await anext(reply) == "a b c"
    await responder.close()


def test_has_a_name() -> None:
    assert OfflineResponder.name == "offline"


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == (text if text.strip() else "")
