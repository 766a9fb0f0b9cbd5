import math

import pytest

from benchmarks.measures import (
    WordErrors,
    emission,
    matches,
    percentile,
    replaced_words,
    restyled_words,
    spread,
    stable_retractions,
    unstable_words,
    word_errors,
)
from benchmarks.recording import Update


def updates(*texts: str) -> list[Update]:
    """One update a second; what stands before a bar is stable, and the last text is the final."""
    split = [text.partition("|") for text in texts]
    return [
        Update(float(second), stable.strip(), tentative.strip())
        for second, (stable, _, tentative) in enumerate(split)
    ]


def test_a_spread_leaves_out_what_did_not_happen() -> None:
    assert spread("final", [1.0, None, 3.0]) == {"final_p50_ms": 2.0, "final_p95_ms": pytest.approx(2.9)}
    assert spread("pause", [4.0], (5,)) == {"pause_p5_ms": 4.0}


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([1, 2, 3], 50, 2), ([1, 2], 50, 1.5), ([5], 95, 5), (range(101), 95, 95)],
)
def test_percentiles_are_interpolated(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_the_percentile_of_nothing_is_not_a_number() -> None:
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize(
    ("reference", "heard", "expected"),
    [
        ("a b c", "a b c", WordErrors(0, 0, 0, 3)),
        ("a b c", "a x c", WordErrors(1, 0, 0, 3)),
        ("a b c", "a c", WordErrors(0, 1, 0, 3)),
        ("a b c", "a b b c", WordErrors(0, 0, 1, 3)),
        ("", "a b", WordErrors(0, 0, 2, 0)),
        ("a b", "", WordErrors(0, 2, 0, 2)),
        ("", "", WordErrors()),
    ],
)
def test_word_errors(reference: str, heard: str, expected: WordErrors) -> None:
    assert word_errors(reference.split(), heard.split()) == expected


def test_word_errors_are_pooled_not_averaged() -> None:
    pooled = word_errors(["a"], ["b"]) + word_errors(["a"] * 9, ["a"] * 9)
    assert pooled.percent == 10
    assert pooled.hits == 9
    assert math.isnan(WordErrors(insertions=1).percent)


@pytest.mark.parametrize(
    ("reference", "heard", "expected"),
    [
        ("a b c", "a b c", [(0, 0), (1, 1), (2, 2)]),
        ("a b c", "x a c", [(0, 1), (2, 2)]),
        ("a", "b", []),
        ("", "b", []),
    ],
)
def test_only_equal_words_match(reference: str, heard: str, expected: list[tuple[int, int]]) -> None:
    assert matches(reference.split(), heard.split()) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("|set", "|set the", "set the light"), 0),
        (("|set a", "|set the lamp", "set the lights"), 2),
        (("|set the light", "|set"), 2),
        (("|set the", "|now set the"), 2),
        (("|Set", "|set.", "set!"), 0),
        (("one final",), 0),
    ],
)
def test_unstable_words_are_those_changed_or_removed(texts: tuple[str, ...], expected: int) -> None:
    assert unstable_words(updates(*texts)) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("mr john", "and mr john"), 0),
        (("had he married a", "howdy mary to", "had he married a"), 7),
        (("seven of clubs", "seven of"), 1),
        (("seven of", "Seven, of clubs"), 0),
    ],
)
def test_an_inserted_word_replaces_no_other(texts: tuple[str, ...], expected: int) -> None:
    assert replaced_words(updates(*texts)) == expected


def test_case_and_punctuation_are_counted_apart() -> None:
    assert restyled_words(updates("|set the", "|Set the.", "Set the lights.")) == 3
    assert restyled_words(updates("|set the", "|set a")) == 0


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("set | a", "set | the", "set the lights"), 0),
        (("set a | b", "set the | b", "set the lights"), 1),
        (("set the |", "set |", "set"), 1),
        (("Set |", "set"), 1),
        (("the half |", "the half."), 0),
        (("light |", "lights"), 1),
    ],
)
def test_stable_text_may_only_grow(texts: tuple[str, ...], expected: int) -> None:
    assert stable_retractions(updates(*texts)) == expected


@pytest.mark.parametrize(
    ("texts", "position", "first", "for_good"),
    [
        (("|set", "|set the", "set the lights"), 0, 0, 0),
        (("|set", "|set the", "set the lights"), 1, 1, 1),
        (("|set", "|set the", "set the lights"), 2, 2, 2),
        (("|set the", "|set a", "|set the", "set the"), 1, 0, 2),
        (("|the", "|set the", "set the"), 1, 1, 1),
        (("|Set.", "set the"), 0, 0, 0),
    ],
)
def test_when_a_word_is_in_its_place_first_and_finally(
    texts: tuple[str, ...], position: int, first: float, for_good: float
) -> None:
    assert emission(updates(*texts), position) == (first, for_good)
