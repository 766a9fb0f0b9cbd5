"""An endpoint that fails repeatedly gets no requests for a while, and then one trial request."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from voicegw.core.state_machine import IllegalSignal, StateMachine
from voicegw.reply.llm.circuit_breaker import TABLE, BreakerOptions, CircuitBreaker, Effect, Signal, State

OPTIONS = BreakerOptions(failures=3, rest_ms=10_000)


def open_breaker() -> CircuitBreaker:
    """A breaker that opened at 0 s."""
    breaker = CircuitBreaker(OPTIONS)
    assert [breaker.receive_failure(0.0) for _ in range(3)] == [None, None, Effect.OPENED]
    return breaker


def half_open_breaker() -> CircuitBreaker:
    """A breaker that admitted its trial request at 10 s."""
    breaker = open_breaker()
    assert breaker.admits(10.0)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = CircuitBreaker(OPTIONS)
    breaker.receive_failure(0.0)
    breaker.receive_failure(0.0)
    assert breaker.admits(0.0)
    breaker.receive_failure(0.0)
    assert not breaker.admits(0.0)


def test_an_answer_resets_the_count_of_failures() -> None:
    breaker = CircuitBreaker(OPTIONS)
    for _ in range(5):
        breaker.receive_failure(0.0)
        breaker.receive_failure(0.0)
        assert breaker.receive_first_token() is None
    assert breaker.state is State.CLOSED


def test_it_admits_no_request_before_its_time() -> None:
    breaker = open_breaker()
    assert not breaker.admits(9.99)
    assert breaker.admits(10.0)


def test_only_one_request_is_the_trial() -> None:
    breaker = half_open_breaker()
    assert breaker.state is State.HALF_OPEN
    assert not breaker.admits(11.0)


def test_a_trial_with_an_answer_closes_it() -> None:
    breaker = half_open_breaker()
    assert breaker.receive_first_token() is Effect.CLOSED
    assert breaker.admits(11.0)


def test_a_failed_trial_opens_it_again() -> None:
    breaker = half_open_breaker()
    assert breaker.receive_failure(13.0) is Effect.OPENED
    assert not breaker.admits(22.9)
    assert breaker.admits(23.0)


def test_after_a_trial_without_a_result_the_next_request_is_the_trial() -> None:
    breaker = half_open_breaker()
    breaker.receive_no_result()
    assert breaker.admits(10.1)


def test_after_closing_it_takes_the_same_number_of_failures_to_open() -> None:
    breaker = half_open_breaker()
    breaker.receive_first_token()
    assert [breaker.receive_failure(20.0) for _ in range(3)] == [None, None, Effect.OPENED]


def test_the_answer_to_a_request_from_before_it_opened_closes_it() -> None:
    breaker = open_breaker()
    assert breaker.receive_failure(1.0) is None
    assert breaker.receive_first_token() is Effect.CLOSED


def test_a_late_failure_does_not_keep_it_open_longer() -> None:
    breaker = open_breaker()
    breaker.receive_failure(9.0)
    assert breaker.admits(10.0)


@pytest.mark.parametrize("state", [State.CLOSED, State.HALF_OPEN])
def test_only_an_open_breaker_starts_a_trial(state: State) -> None:
    machine: StateMachine[State, Signal, Effect] = StateMachine(TABLE, state)
    with pytest.raises(IllegalSignal):
        machine.signal(Signal.TRIAL)


def test_every_result_is_allowed_in_every_state() -> None:
    results = set(Signal) - {Signal.TRIAL}
    assert all((state, signal) in TABLE for state in State for signal in results)


@given(some.lists(some.tuples(some.floats(0, 20), some.sampled_from(["answer", "failure", "none"]))))
def test_after_any_results_a_request_is_admitted_in_time(
    results: list[tuple[float, str]],
) -> None:
    breaker, now = CircuitBreaker(OPTIONS), 0.0
    for seconds, outcome in results:
        now += seconds
        if not breaker.admits(now):
            continue
        if outcome == "answer":
            breaker.receive_first_token()
        elif outcome == "failure":
            breaker.receive_failure(now)
        else:
            breaker.receive_no_result()
    assert breaker.admits(now + OPTIONS.rest_ms / 1000)
