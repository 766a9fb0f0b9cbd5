"""State machines as tables: a state and a signal determine the next state and an output.

A signal that the table does not allow raises an exception and changes nothing, so that a bug shows at once
and not as a session in an impossible state. `mermaid` draws the diagrams in the architecture guide from the
tables, and a test compares them.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

State = TypeVar("State", bound=Enum)
Signal = TypeVar("Signal", bound=Enum)
Output = TypeVar("Output", bound=Enum)


class IllegalSignal(RuntimeError):
    """The signal is impossible in this state: a bug in the caller."""


def transition(
    table: Mapping[tuple[State, Signal], tuple[State, Output | None]], state: State, signal: Signal
) -> tuple[State, Output | None]:
    """The next state, and the output of the transition, if any. Raises IllegalSignal."""
    try:
        return table[state, signal]
    except KeyError:
        raise IllegalSignal(f"{signal.name} in state {state.name}") from None


class StateMachine(Generic[State, Signal, Output]):
    """The current state of one table."""

    def __init__(
        self, table: Mapping[tuple[State, Signal], tuple[State, Output | None]], initial: State
    ) -> None:
        self._table = table
        self.state = initial

    def signal(self, signal: Signal) -> Output | None:
        """Moves to the next state and returns the output of the transition, if any. Raises IllegalSignal."""
        self.state, output = transition(self._table, self.state, signal)
        return output


def mermaid(table: Mapping[tuple[State, Signal], tuple[State, Output | None]]) -> str:
    """The table as a Mermaid state diagram. The label of an edge is `signal / output`."""
    lines = ["stateDiagram-v2"]
    for (state, signal), (following, output) in table.items():
        label = signal.value if output is None else f"{signal.value} / {output.value}"
        lines.append(f"    {state.value} --> {following.value}: {label}")
    return "\n".join(lines)
