import itertools
import random

from models.training import text
from models.training.chains import links
from models.training.shuffles import shuffled


def test_pairs_occur_that_no_trained_sentence_has() -> None:
    rng = random.Random(1)
    pairs = [pair for _ in range(200) for pair in _pairs(shuffled(rng).text)]
    unheard = [pair for pair in pairs if pair[1] not in links().get(pair[0], ())]
    assert len(unheard) > 0.2 * len(pairs)


def test_its_words_are_trained_ones() -> None:
    rng = random.Random(3)
    known = text.words_of(text.TRAINED)
    words = {word.strip(",.?").lower() for _ in range(50) for word in shuffled(rng).text.split()}
    assert len(words & known) > 0.7 * len(words)  # the others are numbers and what stands around sentences


def _pairs(sentence: str) -> list[tuple[str, str]]:
    words = sentence.split()
    return list(itertools.pairwise(words))
