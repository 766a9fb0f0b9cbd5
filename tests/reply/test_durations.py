"""Durations as people say them."""

from datetime import timedelta

import pytest

from voicegw.reply.durations import find_duration, spoken


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("10 minutes", 10),
        ("a 10 minute timer", 10),
        ("a minute", 1),
        ("an hour", 60),
        ("an hour and a half", 90),
        ("2 and a half hours", 150),
        ("2.5 hours", 150),
        ("half an hour", 30),
        ("a quarter of an hour", 15),
        ("quarter of an hour", 15),
        ("3 quarters of an hour", 45),
        ("1 hour and 30 minutes", 90),
        ("1 hour 1 minute and 30 seconds", 61.5),
        ("2 days", 2880),
    ],
)
def test_found(text: str, minutes: float) -> None:
    assert find_duration(f"set a timer for {text} now") == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["set a timer", "10", "minutes", "0 minutes", "367 days", "99 days " * 99])
def test_not_found(text: str) -> None:
    assert find_duration(text) is None


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=10), "10 minutes"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(days=1, seconds=59), "1 day 59 seconds"),
    ],
)
def test_spoken(duration: timedelta, words: str) -> None:
    assert spoken(duration) == words
