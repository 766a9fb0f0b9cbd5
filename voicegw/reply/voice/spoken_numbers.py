"""English numbers in words: "two hundred and five", "twenty-first", "nineteen oh-five"."""

from num2words import num2words

_MAX_DIGITS = 15  # longer numbers are spoken digit by digit


def cardinal(value: int) -> str:
    """A cardinal number from 0: "two hundred and five"."""
    return _words(value, "cardinal")


def ordinal(value: int) -> str:
    """An ordinal number: "twenty-first"."""
    return _words(value, "ordinal")


def year(value: int) -> str:
    """A year: "nineteen eighty-four", "two thousand and six", "nineteen oh-five"."""
    return _words(value, "year")


def decade(value: int) -> str:
    """A decade, given its first year: "nineteen nineties"."""
    words = year(value)
    return f"{words.removesuffix('y')}ies" if words.endswith("y") else f"{words}s"


def number(written: str) -> str:
    """A written number from 0, with or without thousands separators: "1,250.5", ".5". Numbers with a leading
    zero, such as "007", and very long ones are spoken digit by digit."""
    whole, _, decimals = written.replace(",", "").partition(".")
    by_digit = len(whole) > _MAX_DIGITS or (len(whole) > 1 and whole.startswith("0"))
    words = digits(whole) if by_digit else cardinal(int(whole or "0"))
    return f"{words}{' point ' if decimals else ''}{digits(decimals)}"


def digits(written: str) -> str:
    """Digit by digit: "five five five"."""
    return " ".join(cardinal(int(digit)) for digit in written)


def _words(value: int, to: str) -> str:
    words: str = num2words(value, lang="en", to=to)
    return words.replace(",", "")  # an engine would pause at a comma
