"""The offline responder: which message it answers, what it says at a fixed time, and how the answer comes."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.observing import asked, certain
from voicegw.core.events import Message
from voicegw.core.responder import Responder
from voicegw.reply.offline import OfflineResponder, pieces, reply_to


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


async def test_a_prompt_without_a_user() -> None:
    assert "".join(await ask(Message("system", "Hi."))) == "I heard nothing to answer."


async def test_the_default_clock_is_the_machine_s() -> None:
    before = datetime.now().date()
    reply = "".join(await ask(Message("user", "What day is it?"), responder=OfflineResponder(pace_ms=0)))
    dates = (before, datetime.now().date())
    assert any(reply.endswith(f" {date.day}, {date.year}.") for date in dates)


async def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", nap)
    reply = await ask(Message("user", "Say a b c d e f g"), responder=OfflineResponder(noon, pace_ms=20))
    assert (reply, naps) == (["a b c", " d e f", " g"], [0.02, 0.02])  # none before the first piece


async def test_can_be_stopped_between_pieces() -> None:
    responder = OfflineResponder(noon, pace_ms=60_000)
    async with aclosing(responder.respond(asked([Message("user", "Say a b c d")]), certain())) as reply:
        assert await anext(reply) == "a b c"
    await responder.close()


def test_has_a_name() -> None:
    assert OfflineResponder.name == "offline"


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == (text if text.strip() else "")


@pytest.mark.parametrize(
    "text",
    [
        "What time is it?",
        "What's the time?",
        "What is the current time?",
        "Tell me the time, please.",
        "What time is it right now?",
    ],
)
def test_time(text: str) -> None:
    assert reply_to(text, noon()) == "It is 12:00 PM."


@pytest.mark.parametrize(("hour", "time"), [(0, "12:05 AM"), (11, "11:05 AM"), (14, "2:05 PM")])
def test_the_clock_has_twelve_hours(hour: int, time: str) -> None:
    assert reply_to("What time is it?", noon().replace(hour=hour, minute=5)) == f"It is {time}."


@pytest.mark.parametrize("text", ["What day is it today?", "What's today's date?", "What is the date?"])
def test_date(text: str) -> None:
    assert reply_to(text, noon()) == "Today is Sunday, November 22, 2026."


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Say hello, World!", "hello, World!"),
        ("Repeat after me: two and two.", "two and two."),
        ("Can you please say \u201cgood night\u201d?", "good night?"),
        ("say it's 5", "it's 5"),
    ],
)
def test_repeats_letter_for_letter(text: str, reply: str) -> None:
    assert reply_to(text, noon()) == reply


@pytest.mark.parametrize("text", ["Repeat that.", "Say it again!", "Repeat after me"])
def test_has_no_memory(text: str) -> None:
    assert reply_to(text, noon()) == "I read only your last message, so I have nothing to repeat."


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Good morning!", "Hello. No language model is connected"),
        ("Who are you?", "I am the built-in offline responder, not a language model."),
        ("Thanks a lot.", "You are welcome."),
        ("Bye.", "Goodbye."),
        ("No, thank you.", "All right."),
        (" ... ", "I heard nothing to answer."),
    ],
)
def test_small_talk(text: str, start: str) -> None:
    assert reply_to(text, noon()).startswith(start)


@pytest.mark.parametrize("text", ["Set a timer for ten minutes.", "Open the back door."])
def test_what_it_cannot_do(text: str) -> None:
    assert reply_to(text, noon()) == (
        f"I heard: {text} No language model or devices are connected, so I can only repeat it."
    )


@pytest.mark.parametrize(
    "text",
    ["What is seven times eight?", "What's the weather like?", "What is the date of my flight?", "Why?"],
)
def test_what_it_cannot_answer(text: str) -> None:
    assert (
        reply_to(text, noon()) == f"I heard: {text} No language model is connected, so I cannot answer that."
    )


def test_quotes_are_sentences_and_short() -> None:
    assert reply_to("open  the\ndoor", noon()).startswith("I heard: open the door. No")
    assert reply_to("blah " * 1000, noon()).startswith(f"I heard: {'blah ' * 39}blah\u2026 No")


@settings(deadline=None)  # the first call compiles the patterns
@given(st.text(max_size=300))
def test_everything_has_a_reply(text: str) -> None:
    assert reply_to(text, noon()).strip()
