"""State machines as tables: a pair of state and signal names the next state and what is to be done.

A signal that the table does not allow raises and changes nothing, so a wrong idea about the order of
things shows at once instead of as a session in an impossible state. The diagrams in the architecture
guide are drawn from the tables by `mermaid`, and a test compares them.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

State = TypeVar("State", bound=Enum)
Signal = TypeVar("Signal", bound=Enum)
Output = TypeVar("Output", bound=Enum)


class IllegalSignal(RuntimeError):
    """The machine was told something that cannot happen in its state: a bug in the caller."""


def transition(
    table: Mapping[tuple[State, Signal], tuple[State, Output | None]], state: State, signal: Signal
) -> tuple[State, Output | None]:
    """The next state, and the output of the transition, if any. Raises IllegalSignal."""
    try:
        return table[state, signal]
    except KeyError:
        raise IllegalSignal(f"{signal.name} in state {state.name}") from None


class StateMachine(Generic[State, Signal, Output]):
    """Holds the current state of one table."""

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
    """The table as a Mermaid state diagram; an edge is labelled `signal / output`."""
    lines = ["stateDiagram-v2"]
    for (state, signal), (following, output) in table.items():
        label = signal.value if output is None else f"{signal.value} / {output.value}"
        lines.append(f"    {state.value} --> {following.value}: {label}")
    return "\n".join(lines)
