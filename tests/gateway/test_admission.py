import time

import pytest

from voicegw.errors import AtCapacity, Draining, NotReady, VoicegwError
from voicegw.gateway.admission import Admission, AdmissionOptions


def admission(*, ready: bool = True, crowded: bool = False, **options: int) -> Admission:
    return Admission(AdmissionOptions(**options), lambda: ready, lambda: crowded)


def test_lets_sessions_in_up_to_their_number() -> None:
    two = admission(max_sessions=2)
    two.check(sessions=1)
    with pytest.raises(AtCapacity):
        two.check(sessions=2)


@pytest.mark.parametrize(
    ("door", "error"), [(admission(ready=False), NotReady), (admission(crowded=True), AtCapacity)]
)
def test_says_why_not(door: Admission, error: type[VoicegwError]) -> None:
    with pytest.raises(error):
        door.check(sessions=0)


def test_a_crowd_does_not_make_the_server_unready() -> None:
    admission(crowded=True).check_ready()


def test_nobody_is_let_into_a_server_that_stops() -> None:
    door = admission()
    door.draining = True
    with pytest.raises(Draining):
        door.check_ready()
    with pytest.raises(Draining):
        door.check(sessions=0)


def test_a_loop_that_lags_lets_nobody_in() -> None:
    door = admission(max_loop_lag_ms=20)
    door.observe_lag(0.2, time.monotonic())
    with pytest.raises(AtCapacity, match="gateway is behind"):
        door.check(sessions=0)
