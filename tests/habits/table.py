"""The rows of the table of habits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

Given = TypeVar("Given")


@dataclass(frozen=True)
class Habit(Generic[Given]):
    """One row. kind: what the habit stands for. name: the habit itself. given: what the server is given.
    expected: what is right to be seen then."""

    kind: str
    name: str
    given: Given
    expected: object


def rows(habits: Sequence[Habit[Given]]) -> list[object]:
    """The rows as parameters of a test, each with its name."""
    return [pytest.param(habit, id=f"{habit.kind}: {habit.name}") for habit in habits]
