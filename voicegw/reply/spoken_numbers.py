"""Numbers as they are said in English: "two hundred five", "twenty-first", "nineteen oh five"."""

from voicegw.reply.numbers import SCALES, SMALL_WORDS, TENS

_LARGEST = 10**15
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ALL_SCALES = {"trillion": 10**12, **dict(reversed(SCALES.items())), "hundred": 100}


def cardinal(value: int) -> str:
    """How many: "two hundred five"; digit by digit from 10^15 on."""
    if value < 0:
        return f"minus {cardinal(-value)}"
    if value >= _LARGEST:
        return digits(str(value))
    if value < 100:
        return _below_hundred(value)
    name, scale = next((name, scale) for name, scale in _ALL_SCALES.items() if value >= scale)
    count, rest = divmod(value, scale)
    return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(value: int) -> str:
    """Which one: "twenty-first"."""
    words = cardinal(value)
    begin = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:begin], words[begin:]
    if last in _ORDINALS:
        return f"{head}{_ORDINALS[last]}"
    return f"{head}{last.removesuffix('y') + 'ie' * last.endswith('y')}th"


def number(written: str) -> str:
    """A number as it is written, with or without thousands parted: "1,250.5", "-3", ".5", "007"."""
    unsigned = written.lstrip("-−")
    whole, _, decimals = unsigned.replace(",", "").partition(".")
    one_by_one = len(whole) > 15 or (len(whole) > 1 and whole.startswith("0"))
    said = digits(whole) if one_by_one else cardinal(int(whole or "0"))
    sign = "minus " if unsigned != written else ""
    return f"{sign}{said}{' point ' if decimals else ''}{digits(decimals)}"


def digits(written: str) -> str:
    """Digit by digit: "five five five"."""
    return " ".join(SMALL_WORDS[int(digit)] for digit in written)


def year(value: int) -> str:
    """A year: "nineteen eighty-four", "two thousand six", "nineteen oh five"."""
    century, rest = divmod(value, 100)
    if not 1100 <= value < 10_000 or (century % 10 == 0 and rest < 10):
        return cardinal(value)
    if rest == 0:
        return f"{_below_hundred(century)} hundred"
    return f"{_below_hundred(century)} {'oh ' * (rest < 10)}{_below_hundred(rest)}"


def decade(value: int) -> str:
    """The ten years from a year that ends in 0: "nineteen nineties"."""
    words = year(value)
    return f"{words.removesuffix('y')}ies" if words.endswith("y") else f"{words}s"


def _below_hundred(value: int) -> str:
    if value <= 20:
        return SMALL_WORDS[value]
    tens, ones = divmod(value, 10)
    return ("twenty", *TENS)[tens - 2] + (f"-{SMALL_WORDS[ones]}" if ones else "")
