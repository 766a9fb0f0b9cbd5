"""Numbers between words and digits.

Recognised speech spells its numbers out and typed text does not, so the offline responder reads both as
digits. Words that follow each other are one number as long as each can carry on the last: "two hundred and
five" is one number, "six twenty five" is two, "nine seven zero" three.
"""

from fractions import Fraction

SMALL_WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
]
TENS = ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = dict(zip(SMALL_WORDS + TENS, [*range(21), *range(30, 100, 10)], strict=True))
SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_DECIMALS = 4


def with_digits(text: str) -> str:
    """`text`, lower case and without punctuation, with its spelled-out numbers in digits."""
    words, at, out = text.split(), 0, []
    while at < len(words):
        number, after = _number(words, at)
        out.append(number if after > at else words[at])
        at = max(after, at + 1)
    return " ".join(out)


def in_digits(value: Fraction) -> str:
    """`value` with thousands parted, and "about" where four decimals are not all of it."""
    rounded = round(value, _DECIMALS)
    whole, rest = divmod(abs(rounded), 1)
    decimals = f"{int(rest * 10**_DECIMALS):0{_DECIMALS}}".rstrip("0")
    digits = f"{'-' * (rounded < 0)}{whole:,}{'.' * bool(decimals)}{decimals}"
    return digits if rounded == value else f"about {digits}"


def _number(words: list[str], start: int) -> tuple[str, int]:
    """The number that begins at `start`, in digits, and the index behind it; `start` when none does."""
    whole = _Cardinal()
    at = start
    while at < len(words) and whole.take(words[at], words[at + 1] if at + 1 < len(words) else ""):
        at += 1
    if at == start:
        return "", start
    decimals = ""
    if at < len(words) and words[at] == "point":
        for word in words[at + 1 :]:
            if _SMALL.get(word, 10) > 9:
                break
            decimals += str(_SMALL[word])
    return (f"{whole.value}.{decimals}", at + 1 + len(decimals)) if decimals else (str(whole.value), at)


class _Cardinal:
    """A whole number, taken in word by word."""

    def __init__(self) -> None:
        self._thousands = 0  # what the scale words have closed
        self._group = 0  # what the next scale word would multiply
        self._scale = 1_000_000_000_000  # scale words have to fall
        self._room = 100  # what the next small word has to stay below

    @property
    def value(self) -> int:
        return self._thousands + self._group

    def take(self, word: str, following: str) -> bool:
        """Whether `word` carries the number on; if not, nothing has changed."""
        if word in _SMALL:
            return self._add(_SMALL[word])
        if word == "hundred":
            return self._multiply()
        if word in SCALES:
            return self._close(SCALES[word])
        if word == "a":  # "a hundred"
            return (following == "hundred" or following in SCALES) and self._fresh() and self._add(1)
        return word == "and" and not self._fresh() and self._room == 100 and following in _SMALL

    def _fresh(self) -> bool:
        return self.value == 0 and self._room == 100

    def _add(self, small: int) -> bool:
        if small >= self._room or (small == 0 and not self._fresh()):
            return False
        self._group += small
        self._room = 10 if small >= 20 else 0
        return True

    def _multiply(self) -> bool:
        if not 0 < self._group < 100:
            return False
        self._group *= 100
        self._room = 100
        return True

    def _close(self, scale: int) -> bool:
        if self._group == 0 or scale >= self._scale:
            return False
        self._thousands += self._group * scale
        self._group, self._scale, self._room = 0, scale, 100
        return True
