import random
import re

from models.training import text
from models.training.composition import composed


def test_the_same_seed_composes_the_same_sentences() -> None:
    first, second = random.Random(1), random.Random(1)
    assert [composed(first) for _ in range(20)] == [composed(second) for _ in range(20)]


def test_composed_sentences_are_short_and_written_properly() -> None:
    rng = random.Random(2)
    for _ in range(500):
        sentence = composed(rng).text
        assert re.fullmatch(r"[A-Z][A-Za-z',.? ]*[.?]", sentence), sentence
        assert not re.search(r"  | [,.?]|,,|[{}<>|\[\]]", sentence), sentence
        assert len(sentence.split()) <= 16


def test_composed_sentences_bring_few_words_of_their_own() -> None:
    rng = random.Random(3)
    trained = text.words_of(text.TRAINED)
    drawn = [text.sentence(rng).text for _ in range(5000)]
    known = trained | set(re.findall(r"[a-z']+", " ".join(drawn).lower()))
    used = set(re.findall(r"[a-z']+", " ".join(composed(rng).text for _ in range(1000)).lower()))
    assert len(used - known) < 20
