from enum import Enum

import pytest

from voicegw.core.state_machine import IllegalSignal, StateMachine, mermaid


class Door(Enum):
    OPEN = "open"
    SHUT = "shut"


class Hand(Enum):
    PUSH = "push"
    LOCK = "lock"


class Noise(Enum):
    BANG = "bang"


TABLE = {
    (Door.OPEN, Hand.PUSH): (Door.SHUT, Noise.BANG),
    (Door.SHUT, Hand.PUSH): (Door.OPEN, None),
    (Door.SHUT, Hand.LOCK): (Door.SHUT, None),
}


def test_moves_along_the_table_and_says_what_to_do() -> None:
    machine: StateMachine[Door, Hand, Noise] = StateMachine(TABLE, Door.OPEN)
    seen = [(machine.signal(Hand.PUSH), machine.state) for _ in range(2)]
    assert seen == [(Noise.BANG, Door.SHUT), (None, Door.OPEN)]


def test_an_illegal_signal_raises_and_changes_nothing() -> None:
    machine: StateMachine[Door, Hand, Noise] = StateMachine(TABLE, Door.OPEN)
    with pytest.raises(IllegalSignal, match="LOCK in state OPEN"):
        machine.signal(Hand.LOCK)
    assert machine.state is Door.OPEN


def test_draws_itself() -> None:
    assert mermaid(TABLE).splitlines() == [
        "stateDiagram-v2",
        "    open --> shut: push / bang",
        "    shut --> open: push",
        "    shut --> shut: lock",
    ]
