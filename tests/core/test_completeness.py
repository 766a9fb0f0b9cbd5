"""The lists are judged by what people say to assistants, and by what recognisers write of it."""

import pytest

from voicegw.core.completeness import Completeness, judge

FINISHED = [
    *(
        "What time is it?",
        "Set a timer for ten minutes.",
        "Where are you from?",
        "What is it like?",
        "I think so.",
    ),
    *(
        "stop",
        "Yes, please",
        "no thank you",
        "That's it",
        'He said "no."',
        "何時ですか。",
        "Turn the lights on.",
    ),
    *(
        "My number is five five five one two three four.",
        "It costs 20 dollars.",
        "Call 555 1234.",
        "In 2026.",
        "Wake me at 10:30.",
        "It is $1,200.",
    ),
]
UNFINISHED = [
    *("Good morning,", "and then…", "I was...", "The thing is -", "Wir nehmen，", "Tell me:"),
    *("I would like a", "Remind me to", "I want to.", "The book is from", "because", "and.", "Can you", "um"),
    *("Well, you know", "I'd like", "Is it the?", "My name is", "It is for my.", "If", "Let’s"),
    *("five five five", "The number is five two seven one five.", "555 12", "oh seven double nine"),
]
OPEN = ["", "  ", "turn on the light", "Great", "All right", "one two", "it is 5"]


@pytest.mark.parametrize("text", FINISHED)
def test_a_sentence_or_a_command_is_finished(text: str) -> None:
    assert judge(text) is Completeness.FINISHED


@pytest.mark.parametrize("text", UNFINISHED)
def test_something_must_follow(text: str) -> None:
    assert judge(text) is Completeness.UNFINISHED


@pytest.mark.parametrize("text", OPEN)
def test_anything_else_is_open(text: str) -> None:
    assert judge(text) is Completeness.OPEN
