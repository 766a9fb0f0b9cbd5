"""Durations as people say them, in plain text with the numbers in digits: "an hour and a half"."""

import re
from datetime import timedelta
from fractions import Fraction

_SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_LONGEST = timedelta(days=366)
_FRACTIONS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "3 quarters": Fraction(3, 4)}

_AMOUNT = re.compile(
    r"\b(?:(?P<part>half|(?:a )?quarter of|3 quarters of) )?"
    r"(?P<count>an?|\d{1,6}(?:\.\d{1,6})?)(?P<half> and a half)? "
    rf"(?P<unit>{'|'.join(_SECONDS)})s?\b(?P<late_half> and a half)?"
)


def find_duration(text: str) -> timedelta | None:
    """The sum of the durations in `text`, in whole seconds; None when there is none, or over a year."""
    seconds = sum((_seconds(amount) for amount in _AMOUNT.finditer(text)), Fraction(0))
    return timedelta(seconds=round(seconds)) if 1 <= seconds <= _LONGEST.total_seconds() else None


def _seconds(amount: "re.Match[str]") -> Fraction:
    count = Fraction(1) if amount["count"] in ("a", "an") else Fraction(amount["count"])
    if amount["half"] or amount["late_half"]:
        count += Fraction(1, 2)
    if amount["part"]:
        count *= _FRACTIONS[amount["part"].removeprefix("a ").removesuffix(" of")]
    return count * _SECONDS[amount["unit"]]


def spoken(duration: timedelta) -> str:
    """`duration`, of whole seconds, in words: "1 hour 30 minutes"."""
    left, parts = int(duration.total_seconds()), []
    for unit, seconds in _SECONDS.items():
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {unit}{'s' * (count != 1)}")
    return " ".join(parts)
