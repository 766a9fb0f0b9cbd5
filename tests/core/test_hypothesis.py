import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.scenario import spoken
from voicegw.core.hypothesis import Hypothesis, HypothesisOptions, continuation
from voicegw.core.jobs import text_of

TEXTS = st.lists(st.text("abAB,. ", max_size=12), max_size=8)


def after(*decodes: str, **options: int) -> tuple[str, str]:
    """What is stable and what is tentative after these decodes."""
    hypothesis = Hypothesis(HypothesisOptions(**options))
    for text in decodes:
        hypothesis.update(spoken(text))
    return text_of(hypothesis.stable), text_of(hypothesis.tentative)


def test_one_decode_settles_nothing() -> None:
    assert after("turn the light on") == ("", "turn the light on")


def test_what_two_decodes_agree_on_is_stable() -> None:
    assert after("turn the lie", "turn the light on") == ("turn the", "light on")


def test_the_last_word_of_a_decode_never_is() -> None:
    assert after("turn the", "turn the") == ("turn", "the")


def test_the_edge_may_be_wider_or_none() -> None:
    assert after("a b c", "a b c", edge_words=0) == ("a b c", "")
    assert after("a b c", "a b c", edge_words=3) == ("", "a b c")


def test_more_decodes_may_have_to_agree() -> None:
    assert after("a b c", "a b c", agreement=3) == ("", "a b c")
    assert after("a b c", "a b c", "a b d e", agreement=3) == ("a b", "d e")


def test_agreement_is_letter_for_letter() -> None:
    assert after("Turn left now", "turn left now") == ("", "turn left now")


def test_agreement_goes_on_behind_the_stable_words() -> None:
    assert after("a b", "a b c", "a b c d", "a b c d e") == ("a b c d", "e")


def test_a_decode_that_disagrees_is_joined_on_behind() -> None:
    assert after("the cat sat", "the cat sat on", "a cat sat on mats") == ("the cat sat on", "mats")


def test_an_empty_decode_takes_nothing_stable_back() -> None:
    assert after("a b c", "a b c", "") == ("a b", "")


def test_the_final_keeps_the_stable_words_as_they_were_shown() -> None:
    hypothesis = Hypothesis(HypothesisOptions())
    hypothesis.update(spoken("Turn the light"))
    hypothesis.update(spoken("Turn the lights"))
    assert text_of(hypothesis.settle(spoken("turn, the lights on."))) == "Turn the lights on."
    assert text_of(hypothesis.settle(())) == "Turn the"


@pytest.mark.parametrize(
    ("stable", "words", "index"),
    [
        ("", "a b", 0),
        ("a b", "a b c", 2),
        ("a b", "A, b. c", 2),
        ("a b", "a x b c", 3),
        ("a b c", "a c d", 2),
        ("a b", "x y z", 2),
        ("a b", "a", 1),
        ("a b", "", 0),
    ],
)
def test_a_new_decode_goes_on_behind_the_prefix_most_like_the_stable_words(
    stable: str, words: str, index: int
) -> None:
    assert continuation(spoken(stable), spoken(words)) == index


@given(TEXTS, st.integers(2, 4), st.integers(0, 3))
def test_stable_only_grows_and_begins_the_final(texts: list[str], agreement: int, edge: int) -> None:
    hypothesis = Hypothesis(HypothesisOptions(agreement, edge))
    shown = ""
    for text in texts:
        hypothesis.update(spoken(text))
        assert text_of(hypothesis.stable).startswith(shown)
        shown = text_of(hypothesis.stable)
        assert text_of(hypothesis.settle(spoken(text))).startswith(shown)


@given(TEXTS)
def test_a_final_with_nothing_stable_is_the_decode_itself(texts: list[str]) -> None:
    for text in texts:
        assert Hypothesis(HypothesisOptions()).settle(spoken(text)) == spoken(text)
