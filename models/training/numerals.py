"""Numbers, times, dates, money and digit strings in words, as they are spoken."""

import random
from collections.abc import Callable, Mapping

from models.training.wordlists import words

DIGITS = words("zero one two three four five six seven eight nine")
_TEENS = (
    words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")  # 10 to 19
)
_TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
MONTHS = (
    words("January February March April May June July August September October November December")  # 1 to 12
)


def cardinal(value: int) -> str:
    """A number from 0 to 999999 in words."""
    if value < 10:
        return DIGITS[value]
    if value < 20:
        return _TEENS[value - 10]
    if value < 100:
        return _joined(_TENS[value // 10 - 2], value % 10)
    if value < 1000:
        return _joined(DIGITS[value // 100] + " hundred", value % 100)
    return _joined(cardinal(value // 1000) + " thousand", value % 1000)


def _joined(head: str, rest: int) -> str:
    return f"{head} {cardinal(rest)}" if rest else head


def ordinal(value: int) -> str:
    """A day of the month, 1 to 31, in words."""
    if value <= 20:
        return _ORDINALS[value - 1]
    if value == 30:
        return "thirtieth"
    return f"{_TENS[value // 10 - 2]} {_ORDINALS[value % 10 - 1]}"


def plural(value: int, unit: str) -> str:
    """`one minute`, `ten minutes`."""
    return f"{cardinal(value)} {unit}" if value == 1 else f"{cardinal(value)} {unit}s"


def _range(argument: str) -> tuple[int, int]:
    low, _, high = argument.partition("-")
    return int(low), int(high or low)


def _number(rng: random.Random, argument: str) -> str:
    return cardinal(rng.randint(*_range(argument)))


def _ordinal(rng: random.Random, argument: str) -> str:
    return ordinal(rng.randint(*_range(argument)))


def _digits(rng: random.Random, argument: str) -> str:
    """So many digits one by one; in about a fifth of the strings a zero is said as "oh"."""
    zero = "oh" if rng.random() < 0.2 else "zero"
    count = rng.randint(*_range(argument))
    return " ".join(zero if digit == 0 else DIGITS[digit] for digit in rng.choices(range(10), k=count))


def _clock(rng: random.Random, _: str) -> str:
    hour, minute = rng.randint(1, 12), rng.choice([5, 10, 15, 20, 25, 30, 30, 35, 40, 45, 50, 55])
    exact = rng.randint(10, 59)
    part = rng.choice(["", "", "", " in the morning", " in the afternoon", " in the evening", " at night"])
    return rng.choice(
        [
            cardinal(hour) + rng.choice([" o'clock", part or " o'clock"]),
            f"{cardinal(hour)} {'oh five' if minute == 5 else cardinal(minute)}{part}",
            f"{cardinal(hour)} {cardinal(exact)}{part}",
            rng.choice(["half past ", "quarter past ", "quarter to "]) + cardinal(hour),
            rng.choice([cardinal(hour) + " thirty", cardinal(hour) + " o'clock", "noon", "midnight"]),
        ]
    )


def _duration(rng: random.Random, _: str) -> str:
    minutes = rng.choice([1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 50, 90])
    return rng.choice(
        [
            plural(minutes, "minute"),
            plural(rng.randint(1, 60), "minute"),
            plural(rng.choice([10, 15, 20, 30, 40, 45, 60, 90]), "second"),
            plural(rng.randint(1, 24), "hour"),
            rng.choice(["half an hour", "an hour", "an hour and a half", "a minute", "two and a half hours"]),
            plural(rng.randint(1, 3), "hour")
            + f" and {cardinal(rng.choice([5, 10, 15, 20, 30, 45]))} minutes",
        ]
    )


def _date(rng: random.Random, _: str) -> str:
    month, day = rng.choice(MONTHS), ordinal(rng.randint(1, 31))
    return rng.choice([f"{month} {day}", f"{month} {day}", f"the {day} of {month}", f"{month} the {day}"])


def _year(rng: random.Random, _: str) -> str:
    if rng.random() < 0.5:
        return "nineteen " + cardinal(rng.randint(40, 99))
    return rng.choice(
        ["twenty " + cardinal(rng.randint(10, 29)), "two thousand " + cardinal(rng.randint(1, 9))]
    )


def _money(rng: random.Random, _: str) -> str:
    small, unit = rng.randint(2, 99), rng.choice(["dollar", "dollar", "dollar", "euro", "pound"])
    hundreds = rng.randint(1, 40) * rng.choice([5, 10, 50, 100])
    return rng.choice(
        [
            plural(small, unit),
            plural(hundreds + 100, unit),
            f"{plural(small, 'dollar')} and {cardinal(rng.randint(5, 99))} cents",
            plural(rng.choice([10, 20, 25, 30, 40, 50, 75, 100, 200, 250, 500, 1000, 2000]), unit),
            plural(rng.randint(101, 999), unit),
        ]
    )


SLOTS: Mapping[str, Callable[[random.Random, str], str]] = {
    "number": _number,
    "ordinal": _ordinal,
    "digits": _digits,
    "clock": _clock,
    "duration": _duration,
    "date": _date,
    "year": _year,
    "money": _money,
}
