from difflib import SequenceMatcher

import pytest

from voicegw.core import echo
from voicegw.core.echo import is_all_of, is_echo, may_be_answer

SAID = "Your meeting with Doctor Johnson is at nine. Shall I move it to ten or eleven?"


@pytest.mark.parametrize(
    "heard",
    [
        SAID,
        "your meeting",
        "Dr. Jonson is at nine, shall I",
        "doctor johnson is a nine shall I move it",
        "move it to ten or elev",
        "Eleven.",
    ],
)
def test_a_part_of_the_reply_is_an_echo(heard: str) -> None:
    assert is_echo(heard, SAID)


@pytest.mark.parametrize(
    "heard", ["", "stop", "no", "wait a moment", "move it to Friday please", "ten please", "what meeting"]
)
def test_anything_else_is_not(heard: str) -> None:
    assert not is_echo(heard, SAID)


@pytest.mark.parametrize(
    ("heard", "said"), [("no", "It is on now."), ("stop", "The next step is easy."), ("wait", "What a day.")]
)
def test_similar_short_words_are_different_words(heard: str, said: str) -> None:
    assert not is_echo(heard, said)


def test_languages_without_blanks_are_compared_by_their_characters() -> None:
    assert is_echo("は晴れ", "今日は雨ですが、明日は晴れです。")
    assert not is_echo("やめて", "今日は雨ですが、明日は晴れです。")


def test_text_that_was_spoken_long_ago_has_no_echo() -> None:
    assert not is_echo("your meeting with doctor johnson", SAID + " We go on." * 20)


def test_a_long_reply_costs_no_more_than_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    class Counted(SequenceMatcher[str]):
        def __init__(self, junk: None, word: str, other: str) -> None:
            nonlocal compared
            compared += 1
            super().__init__(junk, word, other)

    monkeypatch.setattr(echo, "SequenceMatcher", Counted)
    said = " ".join(f"number{number}" for number in range(2000))
    for _ in range(2):
        is_echo("numeral words are compared", said)
    assert 0 < compared <= 4 * 28


def test_nothing_is_an_echo_of_nothing() -> None:
    assert not is_echo("stop", "")


def test_an_echo_of_the_whole_differs_from_an_echo_of_a_part() -> None:
    assert is_all_of("anything else", "Anything else?")
    assert not is_all_of("coffee", "Tea or coffee?")
    assert not is_all_of("nothing else", "Anything?")


@pytest.mark.parametrize("heard", ["Ten.", "Doctor’s office", "コーヒー"])
def test_a_word_or_two_of_the_question_may_be_its_answer(heard: str) -> None:
    assert may_be_answer(heard)


@pytest.mark.parametrize("heard", ["to ten or eleven", "コーヒーにしますか"])
def test_more_words_are_no_answer(heard: str) -> None:
    assert not may_be_answer(heard)
