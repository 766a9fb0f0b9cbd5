from dataclasses import dataclass, fields

import pytest

from voicegw.core.options import check, option
from voicegw.errors import InvalidValue


@dataclass(frozen=True)
class KettleOptions:
    boil_ms: int = option(100, "how long it boils", ge=10, le=1000)
    colour: str = option("red", "how it looks")
    cups: int = option(1, "how much goes in", ge=1)


def test_declares_default_help_and_bounds_in_one_place() -> None:
    boil, colour, cups = fields(KettleOptions)
    assert boil.default == 100
    assert boil.metadata == {"description": "how long it boils", "ge": 10, "le": 1000}
    assert colour.metadata == {"description": "how it looks"}
    assert cups.metadata == {"description": "how much goes in", "ge": 1}


@pytest.mark.parametrize("boil_ms", [10, 1000])
def test_the_bounds_are_inclusive(boil_ms: int) -> None:
    check(KettleOptions(boil_ms))


@pytest.mark.parametrize(
    ("boil_ms", "message"),
    [(9, "boil_ms must be at least 10, not 9"), (1001, "boil_ms must be at most 1000, not 1001")],
)
def test_names_the_value_and_the_bound_it_breaks(boil_ms: int, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        check(KettleOptions(boil_ms))


def test_one_bound_is_enough() -> None:
    check(KettleOptions(cups=10**9))
    with pytest.raises(InvalidValue, match="cups must be at least 1, not 0"):
        check(KettleOptions(cups=0))
