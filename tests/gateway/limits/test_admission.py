import time

import pytest

from voicegw.errors import AtCapacity, Draining, NotReady, RateLimited, VoicegwError
from voicegw.gateway.limits.admission import Admission, AdmissionOptions, TokenBucket


def admission(*, ready: bool = True, overloaded: bool = False, **options: int) -> Admission:
    return Admission(
        AdmissionOptions(**options), lambda: "" if ready else "there is no worker", lambda: overloaded
    )


def test_lets_sessions_in_up_to_their_number() -> None:
    two = admission(max_sessions=2)
    two.check(sessions=1)
    with pytest.raises(AtCapacity):
        two.check(sessions=2)


@pytest.mark.parametrize(
    ("checked", "error"), [(admission(ready=False), NotReady), (admission(overloaded=True), AtCapacity)]
)
def test_says_why_not(checked: Admission, error: type[VoicegwError]) -> None:
    with pytest.raises(error):
        checked.check(sessions=0)


def test_a_server_that_is_not_ready_says_what_is_missing() -> None:
    with pytest.raises(NotReady, match="there is no worker"):
        admission(ready=False).check_ready()


def test_a_high_rate_does_not_make_the_server_unready() -> None:
    admission(overloaded=True).check_ready()


def test_nobody_is_let_into_a_server_that_stops() -> None:
    checked = admission()
    checked.draining = True
    with pytest.raises(Draining):
        checked.check_ready()
    with pytest.raises(Draining):
        checked.check(sessions=0)


def test_a_loop_that_lags_admits_no_session_beside_open_ones() -> None:
    """A server without sessions admits one: other programs of the machine delay the loop."""
    checked = admission(max_loop_lag_ms=20)
    checked.observe_lag(0.2, time.monotonic())
    with pytest.raises(AtCapacity, match="gateway is overloaded"):
        checked.check(sessions=1)
    checked.check(sessions=0)


def test_the_lag_of_the_start_refuses_nobody() -> None:
    reasons = ["the model is loaded"]
    checked = Admission(AdmissionOptions(max_loop_lag_ms=20), lambda: "".join(reasons), lambda: False)
    now = time.monotonic()
    checked.observe_lag(5.0, now)
    reasons.clear()
    checked.check(sessions=1)
    checked.observe_lag(5.0, now + 5)
    assert checked.loop_lag_s > 1


def test_those_who_are_refused_come_back_as_fast_as_they_can_be_let_in() -> None:
    checked = admission(accepts_per_s=10)
    waits_ms = [checked.retry_after_ms(AtCapacity()) for _ in range(100)]
    assert waits_ms[0] < 1_500
    assert 10_000 < waits_ms[-1] < 14_000
    assert max(checked.retry_after_ms(AtCapacity()) for _ in range(10_000)) <= 75_000


def test_who_is_told_a_time_of_its_own_is_told_a_little_more() -> None:
    checked = admission()
    waits_ms = {checked.retry_after_ms(RateLimited(retry_after_ms=8_000)) for _ in range(50)}
    assert min(waits_ms) >= 8_000
    assert max(waits_ms) <= 10_000
    assert len(waits_ms) > 25


def test_a_rush_is_let_in_up_to_its_burst_and_then_at_a_rate() -> None:
    bucket = TokenBucket(per_s=2, burst=3)
    let_in = []
    for now in (0.0, 0.0, 0.0, 0.0, 0.4, 0.5, 0.6, 9.0, 9.0, 9.0, 9.0):
        let_in.append(bucket.holds(now))
        if let_in[-1]:
            bucket.take()
    assert let_in == [True, True, True, False, False, True, False, True, True, True, False]


def test_too_many_at_once_are_refused() -> None:
    checked = admission(accept_burst=1, accepts_per_s=1)
    checked.check_accept_rate()
    checked.take()
    with pytest.raises(AtCapacity, match="at once"):
        checked.check_accept_rate()


def test_the_time_until_one_can_be_taken_grows_with_what_is_owed() -> None:
    bucket = TokenBucket(per_s=2, burst=3)
    assert bucket.wait_s(0.0) == 0.0
    for _ in range(5):
        bucket.take()
    assert bucket.wait_s(0.0) == 1.5
    assert bucket.wait_s(1.0) == 0.5
    assert bucket.wait_s(1.5) == 0.0


def test_who_only_asks_whether_the_server_is_ready_takes_no_place_in_the_queue() -> None:
    checked = admission(accepts_per_s=10)
    assert max(checked.retry_after_ms(NotReady(), queues=False) for _ in range(1_000)) <= 1_250
    assert checked.retry_after_ms(NotReady()) < 1_500
