"""Every rule of the offline responder, at a fixed time."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicegw.reply.rules import reply_to

# A Sunday.
NOW = datetime(2026, 11, 22, 14, 35, 10, tzinfo=ZoneInfo("Europe/London"))


def at(hour: int, minute: int) -> datetime:
    return NOW.replace(hour=hour, minute=minute)


@pytest.mark.parametrize(
    "text",
    [
        "What time is it?",
        "What's the time?",
        "What is the current time?",
        "Tell me the time, please.",
        "Do you have the time?",
        "What time is it right now?",
        "time",
    ],
)
def test_time(text: str) -> None:
    assert reply_to(text, NOW) == "It is 2:35 PM."


@pytest.mark.parametrize(
    ("now", "time"), [(at(0, 5), "12:05 AM"), (at(11, 59), "11:59 AM"), (at(12, 0), "12:00 PM")]
)
def test_the_clock_has_twelve_hours(now: datetime, time: str) -> None:
    assert reply_to("What time is it?", now) == f"It is {time}."


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("What time is it in Lagos?", "In Lagos it is 3:35 PM."),
        ("What's the time in New York right now?", "In New York it is 9:35 AM."),
        ("What time is it now in São Paulo?", "In Sao Paulo it is 11:35 AM."),
        ("What time is it in Auckland?", "In Auckland it is 3:35 AM on Monday."),
        ("What time is it in Atlantis?", "I cannot find Atlantis in the time zone database."),
    ],
)
def test_time_elsewhere(text: str, reply: str) -> None:
    assert reply_to(text, NOW) == reply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("What day is it?", "Today is Sunday, November 22, 2026."),
        ("What day of the week is it today?", "Today is Sunday, November 22, 2026."),
        ("What's today's date?", "Today is Sunday, November 22, 2026."),
        ("What is the date?", "Today is Sunday, November 22, 2026."),
        ("What is today?", "Today is Sunday, November 22, 2026."),
        ("Which day will it be tomorrow?", "Tomorrow is Monday, November 23, 2026."),
        ("What was yesterday's date?", "Yesterday was Saturday, November 21, 2026."),
        ("What year is it?", "It is 2026."),
    ],
)
def test_date(text: str, reply: str) -> None:
    assert reply_to(text, NOW) == reply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("What is seven times eight?", "7 times 8 is 56."),
        ("Twelve plus thirty.", "12 plus 30 is 42."),
        ("Calculate 20% of 1,500", "20 percent of 1500 is 300."),
        ("How much is ten divided by three?", "10 divided by 3 is about 3.3333."),
        ("One over zero", "Nothing can be divided by zero."),
    ],
)
def test_sums(text: str, reply: str) -> None:
    assert reply_to(text, NOW) == reply


@pytest.mark.parametrize(
    ("text", "duration", "end"),
    [
        ("Set a timer for ten minutes.", "10 minutes", "2:45 PM"),
        ("Start a timer for an hour and a half.", "1 hour 30 minutes", "4:05 PM"),
        ("Set a ninety second timer", "1 minute 30 seconds", "2:36 PM"),
        ("Set a timer for twelve hours", "12 hours", "2:35 AM on Monday"),
    ],
)
def test_a_timer_is_worked_out_and_declined(text: str, duration: str, end: str) -> None:
    assert reply_to(text, NOW) == (
        f"A timer for {duration} would end at {end}, but I have not set it. "
        "I keep no timers, alarms or reminders, and cannot ring."
    )


@pytest.mark.parametrize(
    "text",
    [
        "Set a timer.",
        "Turn the alarm off.",
        "Do I have any reminders?",
        "Wake me up at ten.",
        "Cancel my timers",
    ],
)
def test_alarms_are_declined(text: str) -> None:
    assert reply_to(text, NOW) == "I keep no timers, alarms or reminders, and cannot ring."


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
    assert reply_to(text, NOW) == reply


@pytest.mark.parametrize("text", ["Repeat that.", "Say it again!", "Repeat after me"])
def test_has_no_memory(text: str) -> None:
    assert reply_to(text, NOW) == "I read only your last message, so I have nothing to repeat."


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Good morning!", "Hello. No language model is connected"),
        ("Who are you?", "I am the built-in offline responder, not a language model."),
        ("Thanks a lot.", "You are welcome."),
        ("Bye.", "Goodbye."),
        ("Yes.", "All right. I remember nothing between messages"),
        ("No, thanks.", "All right."),
        (" ... ", "I heard nothing to answer."),
    ],
)
def test_small_talk(text: str, start: str) -> None:
    assert reply_to(text, NOW).startswith(start)


@pytest.mark.parametrize("text", ["Set the lights to blue.", "Open the back door.", "My name is Luke."])
def test_what_it_cannot_do(text: str) -> None:
    assert reply_to(text, NOW) == (
        f"I heard: {text} No language model or devices are connected, so I can only repeat it."
    )


@pytest.mark.parametrize("text", ["What is the price of noodles?", "What is the date of my flight?", "Why?"])
def test_what_it_cannot_answer(text: str) -> None:
    assert reply_to(text, NOW) == f"I heard: {text} No language model is connected, so I cannot answer that."


def test_quotes_are_sentences_and_short() -> None:
    assert reply_to("open  the\ndoor", NOW).startswith("I heard: open the door. No")
    assert reply_to("blah " * 1000, NOW).startswith(f"I heard: {'blah ' * 39}blah\u2026 No")


@settings(deadline=None)  # the first call compiles the patterns
@given(st.text(max_size=300))
def test_everything_has_a_reply(text: str) -> None:
    assert reply_to(text, NOW).strip()
