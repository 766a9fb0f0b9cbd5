"""Sums as people say them, in plain text with the numbers in digits: "7 times 8", "20 percent of 50"."""

import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

_Operators = Mapping[str, Callable[[Fraction, Fraction], Fraction]]

_FIRST: _Operators = {
    "times": operator.mul,
    "multiplied by": operator.mul,
    "divided by": operator.truediv,
    "over": operator.truediv,
    "percent of": lambda share, whole: share * whole / 100,
}
_THEN: _Operators = {"plus": operator.add, "minus": operator.sub}

# Digits and terms are bounded, so that no sum takes long or fills the screen.
_NUMBER = r"(?:minus |negative )?\d{1,15}(?:\.\d{1,15})?"
_OPERATOR = "|".join([*_FIRST, *_THEN])
SUM = rf"{_NUMBER}(?: (?:{_OPERATOR}) {_NUMBER}){{1,8}}"


def evaluate(text: str) -> Fraction:
    """The exact value of `text`, which matches `SUM`; raises ZeroDivisionError."""
    parts = re.split(rf" ({_OPERATOR}) ", text)
    numbers = [Fraction(re.sub("minus |negative ", "-", part)) for part in parts[::2]]
    names = parts[1::2]
    for operators in (_FIRST, _THEN):
        numbers, names = _apply(operators, numbers, names)
    return numbers[0]


def _apply(
    operators: _Operators, numbers: list[Fraction], names: list[str]
) -> tuple[list[Fraction], list[str]]:
    """What is left of a sum when these operators are done, from left to right."""
    results, remaining = numbers[:1], []
    for name, number in zip(names, numbers[1:], strict=True):
        if name in operators:
            results[-1] = operators[name](results[-1], number)
        else:
            results.append(number)
            remaining.append(name)
    return results, remaining
