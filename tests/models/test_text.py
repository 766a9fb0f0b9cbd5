import random
import re

import pytest

from models.training import text
from models.training.grammar import expand
from models.training.lexicon import LEXICON
from models.training.numerals import cardinal, ordinal


def _sentences(seed: int, count: int, held_out: bool = False) -> list[str]:
    rng = random.Random(seed)
    return [text.sentence(rng, held_out).text for _ in range(count)]


def test_the_same_seed_gives_the_same_sentences() -> None:
    assert _sentences(1, 50) == _sentences(1, 50)
    assert _sentences(1, 50) != _sentences(2, 50)


@pytest.mark.parametrize("held_out", [False, True])
def test_sentences_are_written_properly(held_out: bool) -> None:
    for sentence in _sentences(3, 500, held_out):
        assert re.fullmatch(r"[A-Z][A-Za-z',.? ]*[.?]", sentence), sentence
        assert not re.search(r"  | [,.?]|,,|[{}|\[\]]", sentence), sentence


def test_no_pattern_is_both_trained_and_held_out() -> None:
    for kind in text.TYPES:
        assert text.HELD_OUT[kind], kind
        assert not set(text.TRAINED[kind]) & set(text.HELD_OUT[kind])


@pytest.mark.parametrize("patterns", [text.TRAINED, text.HELD_OUT])
def test_no_pattern_gives_long_sentences_only(patterns: text.Patterns) -> None:
    """One that did would be drawn again for ever."""
    rng = random.Random(6)
    for pattern in (pattern for group in patterns.values() for pattern in group):
        lengths = [len(text.tidy(expand(pattern, LEXICON, rng)).split()) for _ in range(30)]
        assert min(lengths) <= text.LONGEST_WORDS, pattern


def test_held_out_patterns_use_trained_words_only() -> None:
    assert text.words_of(text.HELD_OUT) <= text.words_of(text.TRAINED)


def test_the_vocabulary_is_about_a_thousand_words() -> None:
    assert 800 < len(text.words_of(text.TRAINED)) < 1300


def test_a_type_can_be_chosen() -> None:
    rng = random.Random(4)
    assert {text.sentence(rng, kind="money").kind for _ in range(20)} == {"money"}


def test_alternatives_and_slots_nest() -> None:
    lexicon = {"drink": ["tea", "{hot} milk"], "hot": ["warm"]}
    rng = random.Random(5)
    made = {expand("[A cup of|Some] {drink}[| please].", lexicon, rng) for _ in range(200)}
    assert made == {
        f"{begin} {drink}{end}."
        for begin in ("A cup of", "Some")
        for drink in ("tea", "warm milk")
        for end in ("", " please")
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (14, "fourteen"),
        (42, "forty two"),
        (305, "three hundred five"),
        (21000, "twenty one thousand"),
    ],
)
def test_cardinals(value: int, words: str) -> None:
    assert cardinal(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(1, "first"), (12, "twelfth"), (20, "twentieth"), (31, "thirty first")]
)
def test_ordinals(value: int, words: str) -> None:
    assert ordinal(value) == words
