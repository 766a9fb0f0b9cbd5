"""What holds for every sort of sentences that are made of trained ones."""

import random
import re

import pytest

from models.training.synthesis import SORTS

LONGEST_WORDS = 16


@pytest.mark.parametrize("sort", SORTS)
def test_the_same_seed_gives_the_same_sentences(sort: str) -> None:
    first, second = random.Random(1), random.Random(1)
    assert [SORTS[sort](first) for _ in range(20)] == [SORTS[sort](second) for _ in range(20)]


@pytest.mark.parametrize("sort", SORTS)
def test_sentences_are_short_and_written_properly(sort: str) -> None:
    rng = random.Random(2)
    for _ in range(300):
        sentence = SORTS[sort](rng)
        assert sentence.kind == sort
        assert re.fullmatch(r"[A-Z][A-Za-z',.? ]*[.?]", sentence.text), sentence
        assert not re.search(r"  | [,.?]|,,|[{}<>|\[\]]", sentence.text), sentence
        assert 2 <= len(sentence.text.split()) <= LONGEST_WORDS
