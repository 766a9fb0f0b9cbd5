import random
from collections import Counter

from models.training import text
from models.training.balance import balanced


def test_the_same_seed_gives_the_same_sentences() -> None:
    first, second = ([balanced(random.Random(7)).text for _ in range(5)] for _ in range(2))
    assert first == second


def test_rare_words_come_more_often_than_in_the_patterns() -> None:
    rng = random.Random(1)
    said, evenly = (
        Counter(word.strip(",.?").lower() for _ in range(2000) for word in draw(rng).text.split())
        for draw in (text.sentence, balanced)
    )
    assert len(evenly) > len(said)
    assert sum(count < 3 for count in evenly.values()) < 0.1 * sum(count < 3 for count in said.values())


def test_every_sentence_has_a_capital_an_end_and_a_bearable_length() -> None:
    rng = random.Random(2)
    for _ in range(200):
        sentence = balanced(rng)
        assert sentence.kind == "balanced"
        assert sentence.text[0].isupper()
        assert sentence.text[-1] in ".?"
        assert 4 <= len(sentence.text.split()) <= 12
