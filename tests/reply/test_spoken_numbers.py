import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.reply.numbers import with_digits
from voicegw.reply.spoken_numbers import cardinal, decade, digits, number, ordinal, year


@given(st.integers(0, 10**12 - 1))
def test_what_is_said_is_heard_as_the_same_number(value: int) -> None:
    assert with_digits(cardinal(value).replace("-", " ")) == str(value)


def test_what_has_no_name_is_said_digit_by_digit() -> None:
    assert cardinal(10**15) == digits("1" + "0" * 15)
    assert number("1" * 5000) == digits("1" * 5000)


@pytest.mark.parametrize(
    ("value", "words"),
    [(1, "first"), (12, "twelfth"), (20, "twentieth"), (32, "thirty-second"), (100, "one hundredth")],
)
def test_ordinals(value: int, words: str) -> None:
    assert ordinal(value) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("-1,000.5", "minus one thousand point five"),
        (".25", "zero point two five"),
        ("007", "zero zero seven"),
        ("0", "zero"),
        ("3.0", "three point zero"),
    ],
)
def test_written_numbers(written: str, words: str) -> None:
    assert number(written) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1905, "nineteen oh five"),
        (1900, "nineteen hundred"),
        (1984, "nineteen eighty-four"),
        (2006, "two thousand six"),
        (2026, "twenty twenty-six"),
        (2100, "twenty-one hundred"),
        (800, "eight hundred"),
    ],
)
def test_years(value: int, words: str) -> None:
    assert year(value) == words


def test_decades() -> None:
    assert [decade(1990), decade(1900), decade(2010)] == [
        "nineteen nineties",
        "nineteen hundreds",
        "twenty tens",
    ]
