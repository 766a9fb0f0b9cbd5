import pytest

from voicegw.core.echo import is_echo, may_be_answer

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
def test_a_piece_of_what_is_said_is_an_echo(heard: str) -> None:
    assert is_echo(heard, SAID)


@pytest.mark.parametrize(
    "heard", ["", "stop", "no", "wait a moment", "move it to Friday please", "ten please", "what meeting"]
)
def test_anything_else_is_not(heard: str) -> None:
    assert not is_echo(heard, SAID)


def test_nothing_is_an_echo_of_nothing() -> None:
    assert not is_echo("stop", "")


def test_a_word_or_two_of_the_question_may_be_its_answer() -> None:
    assert may_be_answer("Ten.")
    assert not may_be_answer("to ten or eleven")
