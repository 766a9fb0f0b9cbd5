"""Whether a model endpoint is asked at all: a circuit breaker, as a table.

An endpoint that has failed several times in a row is left alone for a while, so that nobody waits for its
timeouts. Then one request is let through; if it is answered the endpoint is asked again by everyone, if it
fails the rest begins anew. Only what happens before a reply's first token counts: an endpoint that begins to
answer is worth asking. Pure: time is monotonic seconds, passed in.
"""

from dataclasses import dataclass
from enum import Enum

from voicegw.core.options import option
from voicegw.core.table import Machine


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When an endpoint that fails is left alone, and for how long."""

    failures: int = option(3, "failures in a row after which an endpoint is left alone", ge=1, le=1000)
    rest_ms: int = option(10_000, "how long it is left alone before it is tried again", ge=1, le=3_600_000)


class State(Enum):
    CLOSED = "closed"  # asked by everyone
    OPEN = "open"  # asked by no one
    HALF_OPEN = "half open"  # one request is out, to see


class Signal(Enum):
    ANSWERED = "first token"
    FAILED = "failed"
    FAILED_AGAIN = "failed too often"
    UNDECIDED = "undecided"
    RESTED = "asked after the rest"


class Effect(Enum):
    """What is to be told."""

    OPENED = "opened"
    CLOSED = "closed"


TABLE = {
    (State.CLOSED, Signal.ANSWERED): (State.CLOSED, None),
    (State.CLOSED, Signal.FAILED): (State.CLOSED, None),
    (State.CLOSED, Signal.FAILED_AGAIN): (State.OPEN, Effect.OPENED),
    (State.CLOSED, Signal.UNDECIDED): (State.CLOSED, None),
    (State.OPEN, Signal.ANSWERED): (State.CLOSED, Effect.CLOSED),
    (State.OPEN, Signal.FAILED): (State.OPEN, None),
    (State.OPEN, Signal.FAILED_AGAIN): (State.OPEN, None),
    (State.OPEN, Signal.UNDECIDED): (State.OPEN, None),
    (State.OPEN, Signal.RESTED): (State.HALF_OPEN, None),
    (State.HALF_OPEN, Signal.ANSWERED): (State.CLOSED, Effect.CLOSED),
    (State.HALF_OPEN, Signal.FAILED): (State.OPEN, Effect.OPENED),
    (State.HALF_OPEN, Signal.FAILED_AGAIN): (State.OPEN, Effect.OPENED),
    (State.HALF_OPEN, Signal.UNDECIDED): (State.OPEN, None),
}


class Breaker:
    """One endpoint's. Ask `admits` before every request, and tell how each one went that it let through."""

    def __init__(self, options: BreakerOptions) -> None:
        self._options = options
        self._machine: Machine[State, Signal, Effect] = Machine(TABLE, State.CLOSED)
        self._failures = 0
        self._rested_at = 0.0

    @property
    def state(self) -> State:
        return self._machine.state

    def admits(self, now: float) -> bool:
        """Whether a request may be made now; after the rest, the first to ask makes the trial."""
        if self.state is State.OPEN and now >= self._rested_at:
            self._machine.signal(Signal.RESTED)
            return True
        return self.state is State.CLOSED

    def receive_answer(self) -> Effect | None:
        """A first token came."""
        self._failures = 0
        return self._machine.signal(Signal.ANSWERED)

    def receive_failure(self, now: float) -> Effect | None:
        """A request failed before its first token."""
        self._failures += 1
        often = self._failures >= self._options.failures
        effect = self._machine.signal(Signal.FAILED_AGAIN if often else Signal.FAILED)
        if effect is Effect.OPENED:
            self._rested_at = now + self._options.rest_ms / 1000
        return effect

    def receive_undecided(self) -> None:
        """A request ended before its first token without showing whether the endpoint works: we gave it up,
        or were told when to ask again. If it was the trial, the next request is the trial."""
        self._machine.signal(Signal.UNDECIDED)
