import pytest

from voicegw.reply.voice.spoken_numbers import cardinal, decade, digits, number, ordinal, year


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (99, "ninety-nine"),
        (205, "two hundred and five"),
        (1_234_567, "one million two hundred and thirty-four thousand five hundred and sixty-seven"),
    ],
)
def test_cardinals(value: int, words: str) -> None:
    assert cardinal(value) == words


def test_very_long_numbers_are_spoken_digit_by_digit() -> None:
    assert number("1" + "0" * 15) == digits("1" + "0" * 15)
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
        ("1,000.5", "one thousand point five"),
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
        (1905, "nineteen oh-five"),
        (1900, "nineteen hundred"),
        (1984, "nineteen eighty-four"),
        (2006, "two thousand and six"),
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
