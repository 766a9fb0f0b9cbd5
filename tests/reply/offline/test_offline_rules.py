"""The rules of the offline responder at a fixed time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicegw.reply.offline.offline_rules import reply_to


def noon() -> datetime:
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


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
def test_questions_about_the_time(text: str) -> None:
    assert reply_to(text, noon()) == "It is 12:00 PM."


@pytest.mark.parametrize(("hour", "time"), [(0, "12:05 AM"), (11, "11:05 AM"), (14, "2:05 PM")])
def test_the_time_has_twelve_hours(hour: int, time: str) -> None:
    assert reply_to("What time is it?", noon().replace(hour=hour, minute=5)) == f"It is {time}."


@pytest.mark.parametrize("text", ["What day is it today?", "What's today's date?", "What is the date?"])
def test_questions_about_the_date(text: str) -> None:
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
def test_it_repeats_text_exactly(text: str, reply: str) -> None:
    assert reply_to(text, noon()) == reply


@pytest.mark.parametrize("text", ["Repeat that.", "Say it again!", "Repeat after me"])
def test_earlier_messages_are_not_repeated(text: str) -> None:
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
def test_commands_are_repeated_with_the_reason(text: str) -> None:
    assert reply_to(text, noon()) == (
        f"I heard: {text} No language model or devices are connected, so I can only repeat it."
    )


@pytest.mark.parametrize(
    "text",
    ["What is seven times eight?", "What's the weather like?", "What is the date of my flight?", "Why?"],
)
def test_questions_are_repeated_with_the_reason(text: str) -> None:
    assert (
        reply_to(text, noon()) == f"I heard: {text} No language model is connected, so I cannot answer that."
    )


def test_a_quote_is_a_short_sentence() -> None:
    assert reply_to("open  the\ndoor", noon()).startswith("I heard: open the door. No")
    assert reply_to("blah " * 1000, noon()).startswith(f"I heard: {'blah ' * 39}blah\u2026 No")


@settings(deadline=None)  # the first call compiles the patterns
@given(st.text(max_size=300))
def test_every_text_has_a_reply(text: str) -> None:
    assert reply_to(text, noon()).strip()
