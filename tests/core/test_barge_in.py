import pytest

from voicegw.core.barge_in import BargeInOptions, interrupts

OPTIONS = BargeInOptions()


@pytest.mark.parametrize(
    "text", ["stop", "Wait.", "Yeah, but what about Monday?", "Okay. Next one.", "Nein!", "no"]
)
def test_words_interrupt(text: str) -> None:
    assert interrupts(text, 300, OPTIONS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mm-hm",
        "Mhm.",
        "Uh-huh",
        "uh huh",
        "Yeah.",
        "Okay, okay.",
        "I see.",
        "Right, right",
        "Hmm",
        "Mmm",
        "That’s right.",
    ],
)
def test_backchannels_do_not(text: str) -> None:
    assert not interrupts(text, 2000, OPTIONS)


def test_a_cough_does_not() -> None:
    assert not interrupts("you", 120, OPTIONS)


def test_more_words_can_be_asked_for() -> None:
    assert not interrupts("okay stop", 900, BargeInOptions(words=2))
    assert interrupts("stop it", 900, BargeInOptions(words=2))


def test_a_word_that_begins_like_a_backchannel_counts() -> None:
    assert interrupts("rightly", 300, OPTIONS)
