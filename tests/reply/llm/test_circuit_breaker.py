"""An endpoint that fails is left alone, and tried again by one request at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from voicegw.core.table import IllegalSignal, Machine
from voicegw.reply.llm.circuit_breaker import TABLE, Breaker, BreakerOptions, Effect, Signal, State

OPTIONS = BreakerOptions(failures=3, rest_ms=10_000)


def opened() -> Breaker:
    """A breaker that opened at 0 s."""
    breaker = Breaker(OPTIONS)
    assert [breaker.receive_failure(0.0) for _ in range(3)] == [None, None, Effect.OPENED]
    return breaker


def on_trial() -> Breaker:
    """A breaker that let its trial through at 10 s."""
    breaker = opened()
    assert breaker.admits(10.0)
    return breaker


def test_it_admits_until_failures_in_a_row_open_it() -> None:
    breaker = Breaker(OPTIONS)
    breaker.receive_failure(0.0)
    breaker.receive_failure(0.0)
    assert breaker.admits(0.0)
    breaker.receive_failure(0.0)
    assert not breaker.admits(0.0)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker(OPTIONS)
    for _ in range(5):
        breaker.receive_failure(0.0)
        breaker.receive_failure(0.0)
        assert breaker.receive_answer() is None
    assert breaker.state is State.CLOSED


def test_it_rests() -> None:
    breaker = opened()
    assert not breaker.admits(9.99)
    assert breaker.admits(10.0)


def test_only_one_request_tries_the_endpoint() -> None:
    breaker = on_trial()
    assert breaker.state is State.HALF_OPEN
    assert not breaker.admits(11.0)


def test_an_answered_trial_closes_it() -> None:
    breaker = on_trial()
    assert breaker.receive_answer() is Effect.CLOSED
    assert breaker.admits(11.0)


def test_a_failed_trial_starts_the_rest_anew() -> None:
    breaker = on_trial()
    assert breaker.receive_failure(13.0) is Effect.OPENED
    assert not breaker.admits(22.9)
    assert breaker.admits(23.0)


def test_after_a_trial_that_shows_nothing_the_next_request_is_the_trial() -> None:
    breaker = on_trial()
    breaker.receive_undecided()
    assert breaker.admits(10.1)


def test_after_closing_it_takes_as_many_failures_as_before() -> None:
    breaker = on_trial()
    breaker.receive_answer()
    assert [breaker.receive_failure(20.0) for _ in range(3)] == [None, None, Effect.OPENED]


def test_what_was_under_way_when_it_opened_counts_when_it_answers() -> None:
    breaker = opened()
    assert breaker.receive_failure(1.0) is None
    assert breaker.receive_answer() is Effect.CLOSED


def test_a_late_failure_does_not_prolong_the_rest() -> None:
    breaker = opened()
    breaker.receive_failure(9.0)
    assert breaker.admits(10.0)


@pytest.mark.parametrize("state", [State.CLOSED, State.HALF_OPEN])
def test_nothing_rests_that_is_not_open(state: State) -> None:
    machine: Machine[State, Signal, Effect] = Machine(TABLE, state)
    with pytest.raises(IllegalSignal):
        machine.signal(Signal.RESTED)


def test_every_outcome_is_allowed_in_every_state() -> None:
    outcomes = set(Signal) - {Signal.RESTED}
    assert all((state, signal) in TABLE for state in State for signal in outcomes)


@given(some.lists(some.tuples(some.floats(0, 20), some.sampled_from(["answer", "fail", "undecided"]))))
def test_whatever_happens_an_endpoint_is_tried_again_after_its_rest(story: list[tuple[float, str]]) -> None:
    breaker, now = Breaker(OPTIONS), 0.0
    for seconds, outcome in story:
        now += seconds
        if not breaker.admits(now):
            continue
        if outcome == "answer":
            breaker.receive_answer()
        elif outcome == "fail":
            breaker.receive_failure(now)
        else:
            breaker.receive_undecided()
    assert breaker.admits(now + OPTIONS.rest_ms / 1000)
