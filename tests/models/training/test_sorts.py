"""What holds for every sort of sentences that are made of trained ones."""

import random
import re

import pytest

from models.training.synthesis import SORTS

LENGTHS = {"composed": (1, 16), "chained": (5, 14), "shuffled": (1, 13), "balanced": (4, 12)}  # in words


@pytest.mark.parametrize("sort", SORTS)
def test_the_same_seed_gives_the_same_sentences(sort: str) -> None:
    first, second = random.Random(1), random.Random(1)
    assert [SORTS[sort](first) for _ in range(20)] == [SORTS[sort](second) for _ in range(20)]


@pytest.mark.parametrize("sort", SORTS)
def test_sentences_are_short_and_written_properly(sort: str) -> None:
    rng = random.Random(2)
    shortest, longest = LENGTHS[sort]
    for _ in range(500):
        sentence = SORTS[sort](rng)
        assert sentence.kind == sort
        assert re.fullmatch(r"[A-Z][A-Za-z',.? ]*[.?]", sentence.text), sentence
        assert not re.search(r"  | [,.?]|,,|[{}<>|\[\]]", sentence.text), sentence
        assert shortest <= len(sentence.text.split()) <= longest
