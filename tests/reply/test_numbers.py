"""Numbers in words become digits, and values are written out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.reply.numbers import in_digits, with_digits


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("zero", "0"),
        ("nineteen", "19"),
        ("twenty", "20"),
        ("thirty", "30"),
        ("ninety nine", "99"),
        ("a hundred", "100"),
        ("one hundred and five", "105"),
        ("two hundred thirty four", "234"),
        ("nineteen hundred", "1900"),
        ("a thousand", "1000"),
        ("two thousand and two", "2002"),
        ("fifty two thousand two hundred sixty", "52260"),
        ("three million five hundred thousand one", "3500001"),
        ("two billion", "2000000000"),
        ("three point one four", "3.14"),
        ("one hundred point zero five", "100.05"),
    ],
)
def test_one_number(words: str, digits: str) -> None:
    assert with_digits(words) == digits


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("nine seven zero zero", "9 7 0 0"),
        ("six twenty five", "6 25"),
        ("twenty twenty eight", "20 28"),
        ("twenty eleven", "20 11"),
        ("thirteen five", "13 5"),
        ("two and three", "2 and 3"),
        ("five million six million", "5000006 million"),
        ("twenty zero", "20 0"),
        ("zero hundred", "0 hundred"),
    ],
)
def test_several_numbers(words: str, digits: str) -> None:
    assert with_digits(words) == digits


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("seven times eight", "7 times 8"),
        ("hundred", "hundred"),
        ("a dog and a cat", "a dog and a cat"),
        ("an hour and a half", "an hour and a half"),
        ("one point", "1 point"),
        ("one point of view", "1 point of view"),
        ("one hundred and", "100 and"),
        ("ten and a half", "10 and a half"),
        ("3 plus four", "3 plus 4"),
        ("", ""),
    ],
)
def test_numbers_among_words(words: str, digits: str) -> None:
    assert with_digits(words) == digits


WORDS = ["a", "and", "one", "twenty", "zero", "hundred", "thousand", "million", "point", "cat", "7"]


@given(st.lists(st.sampled_from(WORDS)))
def test_every_number_is_read_and_other_words_stay(words: list[str]) -> None:
    read = with_digits(" ".join(words)).split()
    assert not {"one", "twenty", "zero"} & set(read)
    assert read.count("cat") == words.count("cat")


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        (Fraction(56), "56"),
        (Fraction(0), "0"),
        (Fraction(-3), "-3"),
        (Fraction(1_234_567), "1,234,567"),
        (Fraction(5, 2), "2.5"),
        (Fraction(-1, 4), "-0.25"),
        (Fraction(10, 3), "about 3.3333"),
        (Fraction(2, 3), "about 0.6667"),
        (Fraction(1, 10**6), "about 0"),
        (Fraction(10**40 + 1), f"{10**40 + 1:,}"),
    ],
)
def test_in_digits(value: Fraction, digits: str) -> None:
    assert in_digits(value) == digits
