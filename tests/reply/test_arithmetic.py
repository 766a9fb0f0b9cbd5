"""Sums in words and digits have their exact value."""

import re
from fractions import Fraction

import pytest

from voicegw.reply.arithmetic import SUM, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7 times 8", 56),
        ("12 plus 30", 42),
        ("3 minus 5", -2),
        ("6 multiplied by 7", 42),
        ("1 divided by 4", Fraction(1, 4)),
        ("9 over 3", 3),
        ("20 percent of 50", 10),
        ("0.1 plus 0.2", Fraction(3, 10)),
        ("minus 3 plus 5", 2),
        ("3 minus minus 5", 8),
        ("negative 2 times negative 2", 4),
        ("2 plus 3 times 4 minus 1", 13),
        ("8 divided by 2 divided by 2", 2),
        ("10 minus 2 minus 3", 5),
    ],
)
def test_value(text: str, value: Fraction | int) -> None:
    assert re.fullmatch(SUM, text)
    assert evaluate(text) == value


def test_nothing_is_divided_by_zero() -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate("1 divided by 0")


@pytest.mark.parametrize("text", ["7", "7 times", "plus 3", "7 8", "1" * 16 + " plus 1", "1" + " plus 1" * 9])
def test_not_a_sum(text: str) -> None:
    assert not re.fullmatch(SUM, text)
