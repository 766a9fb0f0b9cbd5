import pytest

from voicegw.core.barge_in import BargeInOptions, interrupts, question_of
from voicegw.core.languages import ENGLISH, NEUTRAL, language_of

OPTIONS = BargeInOptions()


@pytest.mark.parametrize(
    "text", ["stop", "Wait.", "Yeah, but what about Monday?", "Okay. Next one.", "Nein!", "no"]
)
def test_words_interrupt(text: str) -> None:
    assert interrupts(text, 300, OPTIONS, ENGLISH)


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
    assert not interrupts(text, 2000, OPTIONS, ENGLISH)


def test_a_cough_does_not() -> None:
    assert not interrupts("you", 120, OPTIONS, ENGLISH)


def test_more_words_can_be_asked_for() -> None:
    assert not interrupts("okay stop", 900, BargeInOptions(words=2), ENGLISH)
    assert interrupts("stop it", 900, BargeInOptions(words=2), ENGLISH)


def test_a_word_that_begins_like_a_backchannel_counts() -> None:
    assert interrupts("rightly", 300, OPTIONS, ENGLISH)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Ja, genau."),
        ("de", "Ach so"),
        ("fr", "Oui, d’accord."),
        ("fr", "Ah bon"),
        ("es", "Sí, claro."),
        ("es", "ya veo"),
    ],
)
def test_every_language_has_its_own_backchannels(code: str, text: str) -> None:
    assert not interrupts(text, 2000, OPTIONS, language_of(code))
    assert interrupts(text, 2000, OPTIONS, NEUTRAL)


@pytest.mark.parametrize(
    ("code", "text"), [("de", "Nein."), ("de", "Ja, aber morgen"), ("fr", "Non, attends"), ("es", "No")]
)
def test_contradiction_interrupts_in_every_language(code: str, text: str) -> None:
    assert interrupts(text, 300, OPTIONS, language_of(code))


def test_where_no_backchannels_are_known_only_sounds_do_not_interrupt() -> None:
    assert not interrupts("Mm-hm, hmm.", 2000, OPTIONS, NEUTRAL)
    assert interrupts("okay", 300, OPTIONS, NEUTRAL)


def test_without_blanks_every_letter_is_a_word() -> None:
    assert interrupts("等一下", 300, BargeInOptions(words=3), NEUTRAL)
    assert not interrupts("不是", 300, BargeInOptions(words=3), NEUTRAL)


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("It is free. Shall I", " book it?"),
        ("It is free. Shall I book it?", ""),
        ("Shall I book it?", " It is free."),
        ("Shall I book it? It", " is free. You can cancel."),
        ("Soll ich?", ""),
        ('"Shall', ' I?" he said.'),
        ("予約し", "ますか？"),
    ],
)
def test_the_current_or_the_previous_sentence_may_be_the_question(heard: str, rest: str) -> None:
    assert question_of(heard + rest, len(heard))


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("", "Shall I book it?"),
        ("It is", " free. Shall I book it?"),
        ("Shall I book it? It is free. You", " can cancel."),
        ("It is 3.5 degrees", " today."),
        ("It is free", ""),
    ],
)
def test_no_question_is_being_asked(heard: str, rest: str) -> None:
    assert not question_of(heard + rest, len(heard))


def test_a_question_is_that_sentence_only() -> None:
    assert question_of("It is free. Shall I book it? It is cheap.", 20).strip() == "Shall I book it?"
