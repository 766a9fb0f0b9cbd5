from collections.abc import Sequence

import pytest

from voicegw.asr.key_terms import (
    MOST_TOKENS,
    are_likely,
    has_low_confidence,
    is_as_long,
    new_terms,
    once,
    prompt_tokens,
)
from voicegw.core.jobs import Word


def letters(text: str) -> list[int]:
    """An encoder with a token for each character."""
    return [ord(character) for character in text]


def prompt(key_terms: Sequence[str], said: str = "") -> str:
    return "".join(map(chr, prompt_tokens(key_terms, said, letters)))


def heard(text: str, *probabilities: float) -> list[Word]:
    return [
        Word(each, 0, 1, probability) for each, probability in zip(text.split(), probabilities, strict=True)
    ]


def test_terms_come_before_what_was_said() -> None:
    assert prompt(()) == ""
    assert prompt((), " so far ") == " so far"
    assert prompt(("Quilter", "Abigail Claflin")) == " Glossary: Quilter, Abigail Claflin."
    assert prompt(("Quilter",), "so far") == " Glossary: Quilter. so far"


def test_a_long_context_is_cut_and_no_term() -> None:
    text = prompt(("Quilter", "Claflin"), "word " * 100 + "last")
    assert len(text) == MOST_TOKENS
    assert text.startswith(" Glossary: Quilter, Claflin.")
    assert text.endswith("word last")


def test_a_context_by_itself_has_all_the_room() -> None:
    assert len(prompt((), "word " * 100)) == MOST_TOKENS


def test_terms_leave_room_for_the_context() -> None:
    terms = [f"term{number:02}" for number in range(40)]
    text = prompt(terms, "x" * 300)
    assert text.startswith(" Glossary: term00, term01,")
    assert ", term17.x" in text  # as many whole terms as there is room for
    assert text.endswith("x" * 60)


def test_a_term_that_has_no_room_at_all() -> None:
    assert prompt(("x" * 200,), "so far") == " so far"


def test_one_doubtful_word_is_enough() -> None:
    assert not has_low_confidence(heard("all is sure", 0.99, 0.95, 0.6))
    assert has_low_confidence(heard("Claffrin is not", 0.59, 0.95, 0.99))
    assert not has_low_confidence([])


@pytest.mark.parametrize(
    ("before", "text", "new"),
    [
        ("I'm Abigail Claffrin.", "I'm Abigail Claflin.", ["Abigail Claflin"]),
        ("Mr. Quilter's", "Mr. Quilter's", []),
        ("mister quilter", "Mr. QUILTER.", []),
        ("nothing", "nothing else", []),
    ],
)
def test_the_terms_that_a_text_adds(before: str, text: str, new: list[str]) -> None:
    assert new_terms(["Quilter", "Abigail Claflin"], before, text) == new


def test_the_sound_makes_a_term_likely() -> None:
    assert are_likely(["Quilter"], heard("Mr. Quilter's manner", 0.9, 0.1, 0.9))
    assert not are_likely(["Quilter"], heard("Mr. Quilter's manner", 0.9, 0.01, 0.9))


def test_a_term_of_several_words_is_as_likely_as_their_mean() -> None:
    assert are_likely(["Plat Chat"], heard("of Plat Chat.", 0.9, 0.4, 0.001))
    assert not are_likely(["Plat Chat"], heard("of Plat Chat.", 0.9, 0.02, 0.001))


def test_each_term_and_each_place_must_be_likely() -> None:
    assert not are_likely(["Abbie", "Quilter"], heard("Abbie and Quilter", 0.9, 0.9, 0.01))
    assert not are_likely(["Abbie"], heard("Abbie and Abbie", 0.9, 0.9, 0.01))


def test_a_term_within_another_word_is_none() -> None:
    assert not are_likely(["art"], heard("a party", 0.9, 0.9))


def test_a_term_of_symbols_is_not_heard() -> None:
    assert not are_likely(["&"], heard("A & B", 0.9, 0.9, 0.9))


def test_terms_in_a_language_without_blanks() -> None:
    assert are_likely(["東京"], heard("は 東 京 。", 0.9, 0.5, 0.5, 0.9))


@pytest.mark.parametrize(
    ("tokens", "usual", "kept"),
    [
        ([1, 2, 3], 3, [1, 2, 3]),
        ([1, 2, 3, 1, 2, 3], 3, [1, 2, 3]),
        ([1, 2, 3, 1, 2, 3, 1], 4, [1, 2, 3]),
        ([7, 7, 7, 7], 1, [7]),
        ([1, 2, 1, 2], 4, [1, 2, 1, 2]),  # somebody said it twice
        ([1, 2, 3, 4, 5, 6], 3, [1, 2, 3, 4, 5, 6]),
        ([], 0, []),
    ],
)
def test_what_is_repeated_is_kept_once(tokens: list[int], usual: int, kept: list[int]) -> None:
    assert once(tokens, usual) == kept


def test_a_text_with_a_term_is_about_as_long() -> None:
    assert is_as_long("Montreal Forced Aligner.", "Montreal, force the liner.")
    assert not is_as_long("Glossary, Quilter, Abigail Claflin, Abbie", "Thank you.")
    assert not is_as_long("Quilter.", "Nor is Mr. Quilter's manner less interesting.")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        *[("Ann", "Happy anniversary!"), ("C++", "I like cats."), ("Quilter", "Quilters manner")],
        *[("Ян", "в январе"), ("Ho", "Hořčice"), ("राम", "रामायण पढ़ो")],
    ],
)
def test_a_term_within_a_word_is_none(term: str, text: str) -> None:
    assert new_terms([term], "", text) == []


@pytest.mark.parametrize(
    ("term", "text"), [("Ann", "Ann's birthday"), ("C++", "I like C++."), ("東京", "今日は東京です")]
)
def test_a_term_may_have_symbols_and_stand_between_letters_without_blanks(term: str, text: str) -> None:
    assert new_terms([term], "", text) == [term]
