import itertools
import random
import re

from models.training import text
from models.training.chains import chained, links


def test_every_pair_of_words_comes_from_a_trained_sentence() -> None:
    words = chained(random.Random(3)).text.split()
    assert all(after in links()[word] for word, after in itertools.pairwise(words))


def test_chained_sentences_bring_hardly_a_word_of_their_own() -> None:
    rng = random.Random(4)
    drawn = " ".join(text.sentence(rng).text for _ in range(10000))
    known = text.words_of(text.TRAINED) | set(re.findall(r"[a-z']+", drawn.lower()))
    used = set(re.findall(r"[a-z']+", " ".join(chained(rng).text for _ in range(500)).lower()))
    assert len(used - known) < 10
