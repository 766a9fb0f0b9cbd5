"""The circuit breaker of a model endpoint: whether the endpoint gets requests, as a state table.

After several failures in a row the breaker opens, and the endpoint gets no requests for a while: no user
waits for its timeouts. Then one trial request is allowed. If it succeeds the breaker closes, and all requests
are allowed; if it fails the breaker opens again. Only events before the first token of a reply count. Pure:
times are monotonic seconds, passed in.
"""

from dataclasses import dataclass
from enum import Enum

from voicegw.core.options import option
from voicegw.core.state_machine import StateMachine


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When the breaker of an endpoint opens, and for how long."""

    failures: int = option(3, "failures in a row after which an endpoint gets no requests", ge=1, le=1000)
    rest_ms: int = option(10_000, "how long it gets no requests before a trial request", ge=1, le=3_600_000)


class State(Enum):
    CLOSED = "closed"  # all requests are allowed
    OPEN = "open"  # no request is allowed
    HALF_OPEN = "half open"  # one trial request is running


class Signal(Enum):
    FIRST_TOKEN = "first token"
    FAILED = "failed"
    FAILED_TOO_OFTEN = "failed too often"
    NO_RESULT = "no result"
    TRIAL = "trial request"


class Effect(Enum):
    """A change of state that is reported."""

    OPENED = "opened"
    CLOSED = "closed"


TABLE = {
    (State.CLOSED, Signal.FIRST_TOKEN): (State.CLOSED, None),
    (State.CLOSED, Signal.FAILED): (State.CLOSED, None),
    (State.CLOSED, Signal.FAILED_TOO_OFTEN): (State.OPEN, Effect.OPENED),
    (State.CLOSED, Signal.NO_RESULT): (State.CLOSED, None),
    (State.OPEN, Signal.FIRST_TOKEN): (State.CLOSED, Effect.CLOSED),
    (State.OPEN, Signal.FAILED): (State.OPEN, None),
    (State.OPEN, Signal.FAILED_TOO_OFTEN): (State.OPEN, None),
    (State.OPEN, Signal.NO_RESULT): (State.OPEN, None),
    (State.OPEN, Signal.TRIAL): (State.HALF_OPEN, None),
    (State.HALF_OPEN, Signal.FIRST_TOKEN): (State.CLOSED, Effect.CLOSED),
    (State.HALF_OPEN, Signal.FAILED): (State.OPEN, Effect.OPENED),
    (State.HALF_OPEN, Signal.FAILED_TOO_OFTEN): (State.OPEN, Effect.OPENED),
    (State.HALF_OPEN, Signal.NO_RESULT): (State.OPEN, None),
}


class CircuitBreaker:
    """The breaker of one endpoint. Call `admits` right before every request, and one of the `receive_…`
    methods with the result of each request that it admitted."""

    def __init__(self, options: BreakerOptions) -> None:
        self._options = options
        self._machine: StateMachine[State, Signal, Effect] = StateMachine(TABLE, State.CLOSED)
        self._failures = 0
        self._open_until = 0.0

    @property
    def state(self) -> State:
        return self._machine.state

    def would_admit(self, now: float) -> bool:
        """Whether a request would be allowed now."""
        return self.state is State.CLOSED or (self.state is State.OPEN and now >= self._open_until)

    def admits(self, now: float) -> bool:
        """Whether a request is allowed now. After `rest_ms`, the first request is the trial request."""
        if not self.would_admit(now):
            return False
        if self.state is State.OPEN:
            self._machine.signal(Signal.TRIAL)
        return True

    def receive_first_token(self) -> Effect | None:
        """The first token of a reply arrived."""
        self._failures = 0
        return self._machine.signal(Signal.FIRST_TOKEN)

    def receive_failure(self, now: float) -> Effect | None:
        """A request failed before its first token."""
        self._failures += 1
        too_often = self._failures >= self._options.failures
        effect = self._machine.signal(Signal.FAILED_TOO_OFTEN if too_often else Signal.FAILED)
        if effect is Effect.OPENED:
            self._open_until = now + self._options.rest_ms / 1000
        return effect

    def receive_no_result(self) -> None:
        """A request ended before its first token without showing whether the endpoint works: it was
        cancelled, the endpoint named a time for the next request, or the reasoning that a client asks for
        may be the reason. After a trial request, the next request is the trial."""
        self._machine.signal(Signal.NO_RESULT)
