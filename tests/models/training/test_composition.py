import random
import re

from models.training import text
from models.training.composition import composed


def test_composed_sentences_bring_few_words_of_their_own() -> None:
    rng = random.Random(3)
    trained = text.words_of(text.TRAINED)
    drawn = [text.sentence(rng).text for _ in range(5000)]
    known = trained | set(re.findall(r"[a-z']+", " ".join(drawn).lower()))
    used = set(re.findall(r"[a-z']+", " ".join(composed(rng).text for _ in range(1000)).lower()))
    assert len(used - known) < 20
