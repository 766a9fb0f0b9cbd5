import random
from collections import Counter

from models.training import text
from models.training.balance import balanced


def test_rare_words_come_more_often_than_in_the_patterns() -> None:
    rng = random.Random(1)
    said, evenly = (
        Counter(word.strip(",.?").lower() for _ in range(2000) for word in draw(rng).text.split())
        for draw in (text.sentence, balanced)
    )
    assert len(evenly) > len(said)
    assert sum(count < 3 for count in evenly.values()) < 0.1 * sum(count < 3 for count in said.values())
