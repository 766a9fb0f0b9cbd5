"""Numbers as they are said in English: "two hundred and five", "twenty-first", "nineteen oh-five"."""

from num2words import num2words

_MAX_DIGITS = 15  # of a number that is said as one


def cardinal(value: int) -> str:
    """How many, for numbers from 0: "two hundred and five"."""
    return _words(value, "cardinal")


def ordinal(value: int) -> str:
    """Which one: "twenty-first"."""
    return _words(value, "ordinal")


def year(value: int) -> str:
    """A year: "nineteen eighty-four", "two thousand and six", "nineteen oh-five"."""
    return _words(value, "year")


def decade(value: int) -> str:
    """The ten years from a year that ends in 0: "nineteen nineties"."""
    words = year(value)
    return f"{words.removesuffix('y')}ies" if words.endswith("y") else f"{words}s"


def number(written: str) -> str:
    """A number from 0 as it is written, with or without thousands separated: "1,250.5", ".5"; digit by digit
    with a leading zero, as in "007", or where it is longer than any number that has a name."""
    whole, _, decimals = written.replace(",", "").partition(".")
    one_by_one = len(whole) > _MAX_DIGITS or (len(whole) > 1 and whole.startswith("0"))
    said = digits(whole) if one_by_one else cardinal(int(whole or "0"))
    return f"{said}{' point ' if decimals else ''}{digits(decimals)}"


def digits(written: str) -> str:
    """Digit by digit: "five five five"."""
    return " ".join(cardinal(int(digit)) for digit in written)


def _words(value: int, to: str) -> str:
    words: str = num2words(value, lang="en", to=to)
    return words.replace(",", "")  # a voice would pause there
