import itertools
import random
import re

from models.training import text
from models.training.chains import chained, links


def test_the_same_seed_chains_the_same_sentences() -> None:
    first, second = random.Random(1), random.Random(1)
    assert [chained(first) for _ in range(20)] == [chained(second) for _ in range(20)]


def test_chained_sentences_are_written_properly() -> None:
    rng = random.Random(2)
    for _ in range(500):
        sentence = chained(rng).text
        assert re.fullmatch(r"[A-Z][A-Za-z',.? ]*[.?]", sentence), sentence
        assert 5 <= len(sentence.split()) <= 14


def test_every_pair_of_words_comes_from_a_trained_sentence() -> None:
    words = chained(random.Random(3)).text.split()
    assert all(after in links()[word] for word, after in itertools.pairwise(words))


def test_chained_sentences_bring_hardly_a_word_of_their_own() -> None:
    rng = random.Random(4)
    drawn = " ".join(text.sentence(rng).text for _ in range(10000))
    known = text.words_of(text.TRAINED) | set(re.findall(r"[a-z']+", drawn.lower()))
    used = set(re.findall(r"[a-z']+", " ".join(chained(rng).text for _ in range(500)).lower()))
    assert len(used - known) < 10
