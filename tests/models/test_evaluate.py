import random

import pytest

from models.training import evalset
from models.training.evaluate import error_rate, normalised, table
from models.training.voices import draw_voice


def test_case_and_punctuation_do_not_count() -> None:
    assert normalised("What's the time, Anna?") == "what's the time anna"
    assert error_rate(["Set a timer."], ["set a timer"]) == 0


def test_errors_are_counted_over_all_words_together() -> None:
    assert error_rate(["Yes.", "No, thank you."], ["Yes.", "No, thank"]) == 25


def test_a_reference_without_words_does_not_count() -> None:
    assert error_rate(["", "Yes."], ["something", "Yes."]) == 0


def test_the_evaluation_follows_from_its_seed() -> None:
    assert evalset.plans("1", 20) == evalset.plans("1", 20)
    assert evalset.plans("1", 20) != evalset.plans("2", 20)


def test_held_out_voices_are_not_trained_ones() -> None:
    rng = random.Random(1)
    trained = {draw_voice(rng).name.partition("+")[2] for _ in range(2000)}
    held_out = {draw_voice(rng, held_out=True).name.partition("+")[2] for _ in range(500)}
    assert trained & held_out == {""}  # flite's voices have no variant


def test_the_table_has_a_column_for_each_model() -> None:
    lines = table({"one": {"WER clean": 4.25}, "two": {"WER clean": 30.0}}).splitlines()
    assert lines[0] == "| figure | one | two |"
    assert lines[2] == "| WER clean | 4.2 | 30.0 |"


@pytest.mark.parametrize("kind", ["command", "digits"])
def test_types_take_turns(kind: str) -> None:
    kinds = [plan.sentence.kind for plan in evalset.plans("1", 18)]
    assert kinds.count(kind) == 2
