"""The offline responder: which message it replies to, and how the reply is streamed."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observing import asked, certain
from voicegw.core.events import Message
from voicegw.core.responder import Responder
from voicegw.reply.offline.offline_responder import OfflineResponder, pieces


def noon() -> datetime:
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def ask(*messages: Message, responder: Responder | None = None) -> list[str]:
    responder = responder or OfflineResponder(noon, pace_ms=0)
    async with aclosing(responder.respond(asked(messages), certain())) as reply:
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


async def test_a_prompt_without_a_user_message() -> None:
    assert "".join(await ask(Message("system", "Hi."))) == "I heard nothing to answer."


async def test_the_default_clock_is_local_time() -> None:
    before = datetime.now().date()
    reply = "".join(await ask(Message("user", "What day is it?"), responder=OfflineResponder(pace_ms=0)))
    dates = (before, datetime.now().date())
    assert any(reply.endswith(f" {date.day}, {date.year}.") for date in dates)


async def test_the_pieces_are_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    reply = await ask(Message("user", "Say a b c d e f g"), responder=OfflineResponder(noon, pace_ms=20))
    assert (reply, pauses) == (["a b c", " d e f", " g"], [0.02, 0.02])  # none before the first piece


async def test_a_reply_can_be_closed_between_two_pieces() -> None:
    responder = OfflineResponder(noon, pace_ms=60_000)
    async with aclosing(responder.respond(asked([Message("user", "Say a b c d")]), certain())) as reply:
        assert await anext(reply) == "a b c"
    await responder.close()


def test_its_name_is_offline() -> None:
    assert OfflineResponder.name == "offline"


@given(st.text())
def test_the_pieces_add_up_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == (text if text.strip() else "")
