from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.scenario import spoken
from voicegw.core.audio import to_samples
from voicegw.core.hypothesis import Hypothesis, HypothesisOptions, continuation
from voicegw.core.jobs import Word, text_of

TEXTS = st.lists(st.text("abAB,. ", max_size=12), max_size=8)


DEFAULTS = HypothesisOptions()


def hear(
    hypothesis: Hypothesis, text: str, options: HypothesisOptions = DEFAULTS, *, paused: bool = False
) -> None:
    """A decode whose last word ends at the end of the window; each word lasts 100 ms."""
    words = spoken(text)
    hypothesis.update(words, words[-1].end if words else 0, options, paused=paused)


def after(*decodes: str, **options: Any) -> tuple[str, str]:
    """The stable and the tentative text after these decodes."""
    hypothesis, chosen = Hypothesis(), HypothesisOptions(**{"shown_edge_ms": 0, **options})
    for text in decodes:
        hear(hypothesis, text, chosen)
    return text_of(hypothesis.stable), text_of(hypothesis.tentative)


def test_one_decode_settles_nothing() -> None:
    assert after("turn the light on") == ("", "turn the light on")


def test_words_on_which_two_decodes_agree_are_stable() -> None:
    assert after("turn the lie", "turn the light on") == ("turn the", "light on")


def test_the_last_word_of_a_decode_never_is() -> None:
    assert after("turn the", "turn the") == ("turn", "the")


def test_more_decodes_may_have_to_agree() -> None:
    assert after("a b c", "a b c", agreement=3) == ("", "a b c")
    assert after("a b c", "a b c", "a b d e", agreement=3) == ("a b", "d e")


def test_agreement_is_letter_for_letter() -> None:
    assert after("Turn left now", "turn left now") == ("", "turn left now")


def after_doubt(probability: float, *, heard_ms: int) -> str:
    """The stable text after two equal decodes of a word of 100 ms with this probability and three probable
    words after it, in a window that ends `heard_ms` after the first word."""
    hypothesis = Hypothesis()
    first, *others = spoken("light is on now")
    words = [msgspec.structs.replace(first, probability=probability), *others]
    for _ in range(2):
        hypothesis.update(words, first.end + to_samples(heard_ms), DEFAULTS, paused=False)
    return text_of(hypothesis.stable)


def test_a_doubtful_word_and_the_words_after_it_stay_tentative() -> None:
    assert after_doubt(0.89, heard_ms=2_999) == ""
    assert after_doubt(0.9, heard_ms=2_999) == "light is on"


def test_a_doubtful_word_is_stable_once_enough_audio_follows() -> None:
    assert after_doubt(0.1, heard_ms=3_000) == "light is on"


def test_the_least_probable_of_the_agreeing_decodes_counts() -> None:
    hypothesis, stable = Hypothesis(), list[str]()
    for probability in (0.5, 0.9, 0.9):
        words = [msgspec.structs.replace(word, probability=probability) for word in spoken("turn left")]
        hypothesis.update(words, words[-1].end, DEFAULTS, paused=False)
        stable.append(text_of(hypothesis.stable))
    assert stable == ["", "", "turn"]


@pytest.mark.parametrize(
    ("probability", "behind_ms", "shown"),
    [(0.59, 399, ""), (0.59, 400, "go"), (0.6, 100, "go"), (0.6, 99, "")],
)
def test_a_guess_at_the_edge_is_not_shown(probability: float, behind_ms: int, shown: str) -> None:
    hypothesis = Hypothesis()
    word = Word("go", 0, 1600, probability)
    hypothesis.update([word], word.end + to_samples(behind_ms), DEFAULTS, paused=False)
    assert text_of(hypothesis.tentative) == shown
    hypothesis.update([word], word.end, DEFAULTS, paused=True)
    assert text_of(hypothesis.tentative) == "go"


def test_a_word_that_contains_new_speech_is_new() -> None:
    stable = [Word("One,", 0, 8_000, 0.9), Word("all", 8_000, 16_000, 0.9)]
    assert continuation(stable, [Word("1-6-7-2-0-0", 0, 90_000, 0.9)]) == 0


@pytest.mark.parametrize(
    ("stable", "heard", "final"),
    [
        ("is 555", "is 555-1234.", "is 555-1234."),
        ("9 5", "95597.", "9 5597."),
        ("is 555", "was 555-1234.", "is 555-1234."),  # although the word before it changed
        ("was his", "was history", "was history"),
        ("no", "no nobody", "no nobody"),
        ("it", "it's", "it's"),
        ("ich weis", "ich weiß,", "ich weis weiß,"),
        ("ich weis", "ich weiß", "ich weis weiß"),  # as long as before, without regard to case
        ("is 555", "is 555", "is 555"),
    ],
)
def test_only_the_rest_of_a_word_that_has_grown_is_new(stable: str, heard: str, final: str) -> None:
    hypothesis = Hypothesis(stable=list(spoken(stable)))
    *before, last = spoken(heard)
    longer = msgspec.structs.replace(last, end=last.end + to_samples(1000))
    assert text_of(hypothesis.final_words([*before, longer])) == final


def test_agreement_continues_after_the_stable_words() -> None:
    assert after("a b", "a b c", "a b c d", "a b c d e") == ("a b c d", "e")


def test_a_decode_that_disagrees_is_appended_to_the_stable_words() -> None:
    assert after("the cat sat", "the cat sat on", "a cat sat on mats") == ("the cat sat on", "mats")


def test_a_decode_without_words_changes_nothing() -> None:
    assert after("turn the lie", "") == ("", "turn the lie")
    assert after("turn the lie", "", "turn the light on") == ("turn the", "light on")


def test_an_empty_decode_takes_nothing_stable_back() -> None:
    hypothesis, options = Hypothesis(), HypothesisOptions(shown_edge_ms=0)
    for text in ("a b c", "a b c"):
        hear(hypothesis, text, options)
    hear(hypothesis, "", options, paused=True)
    assert (text_of(hypothesis.stable), hypothesis.tentative) == ("a b", [])


def test_the_final_keeps_the_stable_words_as_they_were_shown() -> None:
    hypothesis = Hypothesis()
    hear(hypothesis, "Turn the light")
    hear(hypothesis, "Turn the lights")
    assert text_of(hypothesis.final_words(spoken("turn, the lights on."))) == "Turn the lights on."
    assert text_of(hypothesis.final_words(())) == "Turn the"


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
        ("今 日 は", "今、 日 は 晴 れ", 3),
        ("谢 谢 你", "谢 谢 你 好", 3),
        ("को की", "को कि की", 3),  # other vowels, so other words
        ("a ♪", "a — ♪ b", 3),  # signs are compared as they are
        ("— a", "a b", 1),
    ],
)
def test_a_new_decode_continues_after_the_prefix_most_similar_to_the_stable_words(
    stable: str, words: str, index: int
) -> None:
    assert continuation(spoken(stable), spoken(words)) == index


def test_words_at_the_very_edge_are_not_shown() -> None:
    assert after("a b c d", shown_edge_ms=150) == ("", "a b")


def test_in_a_pause_the_last_words_are_no_guesses() -> None:
    hypothesis = Hypothesis()
    hear(hypothesis, "a b c", HypothesisOptions(shown_edge_ms=150), paused=True)
    assert text_of(hypothesis.tentative) == "a b c"


def test_a_window_is_trimmed_to_the_last_stable_words() -> None:
    hypothesis = Hypothesis()
    for _ in range(2):
        hear(hypothesis, "a b c d e f")
    assert text_of(hypothesis.stable) == "a b c d e"
    assert hypothesis.trim() == 2 * 1600  # between b and c
    assert hypothesis.prompt == "a b"
    assert hypothesis.trim() is None
    hear(hypothesis, "c d e f g", paused=True)
    assert text_of([*hypothesis.stable, *hypothesis.tentative]) == "a b c d e f g"
    assert text_of(hypothesis.final_words(spoken("c d e f g h"))) == "a b c d e f g h"


def test_no_window_is_trimmed_before_there_is_enough_to_join_on() -> None:
    hypothesis = Hypothesis()
    for _ in range(2):
        hear(hypothesis, "a b c d")
    assert hypothesis.trim() is None
    assert hypothesis.prompt == ""


@given(st.lists(st.sampled_from(["one", "two", "three", "four"]), min_size=1, max_size=40), st.randoms())
def test_trimming_neither_loses_nor_doubles_a_word(said: list[str], random: Random) -> None:
    """A recogniser that hears whole words right, and makes something up of a word that the window cuts."""
    words, hypothesis, start = spoken(" ".join(said)), Hypothesis(), 0
    for until in range(800, words[-1].end + 1, 800):
        heard = [word for word in words if word.start >= start and word.end <= until]
        cut = [Word("uh", until - 800, until, 0.2)] if random.random() < 0.5 and until % 1600 else []
        hypothesis.update([*heard, *cut], until, DEFAULTS, paused=False)
        start = max(start, hypothesis.trim() or 0)
    whole = [word for word in words if word.start >= start]
    assert text_of(hypothesis.final_words(whole)) == " ".join(said)


@given(TEXTS, st.integers(2, 4))
def test_stable_only_grows_and_begins_the_final(texts: list[str], agreement: int) -> None:
    hypothesis, options = Hypothesis(), HypothesisOptions(agreement)
    shown = ""
    for text in texts:
        hear(hypothesis, text, options)
        assert text_of(hypothesis.stable).startswith(shown)
        shown = text_of(hypothesis.stable)
        assert text_of(hypothesis.final_words(spoken(text))).startswith(shown)


@given(TEXTS)
def test_a_final_with_nothing_stable_is_the_decode_itself(texts: list[str]) -> None:
    for text in texts:
        assert Hypothesis().final_words(spoken(text)) == spoken(text)
