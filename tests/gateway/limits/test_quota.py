import msgspec
import pytest

from voicegw.gateway.limits.quota import Quota, QuotaState, ResourceState
from voicegw.gateway.limits.rate_limits import LimitOptions, Resource
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

SAVED, RESTORED, AGE_S = 700.0, 200.0, 30.0  # monotonic seconds, each by its own clock; and in between
UNIX = 1_000_000.0


def used(rate: str) -> Quota:
    return Quota(LimitOptions(session_messages=rate).rates("session"))


def moved(usage: Quota, to: Quota) -> None:
    told = msgspec.msgpack.encode(usage.state(SAVED, UNIX))
    to.restore(msgspec.msgpack.decode(told, type=QuotaState), AGE_S, RESTORED, UNIX)


def test_begins_with_nothing_used_and_nothing_refused() -> None:
    usage = used("1/minute")
    assert usage.resources[Resource.MESSAGES].refused_since is None
    assert [usage.windows.charge(Resource.MESSAGES, 1, 5.0) for _ in range(2)] == [0, 60]


def test_a_window_goes_on_elsewhere() -> None:
    here, there = used("2/hour; 3/minute"), used("2/hour; 3/minute")
    for _ in range(2):
        here.windows.charge(Resource.MESSAGES, 1, SAVED - 60)
    moved(here, there)
    assert there.windows.charge(Resource.MESSAGES, 1, RESTORED) == pytest.approx(3_600 - 60 - AGE_S)


@pytest.mark.parametrize("skew_s", [-3_600.0, -60.0, 60.0, 3_600.0])
def test_a_clock_that_differs_forgives_nothing_and_adds_nothing(skew_s: float) -> None:
    here, there = used("1/minute"), used("1/minute")
    here.windows.charge(Resource.MESSAGES, 1, SAVED)
    here.resources[Resource.MESSAGES] = ResourceState(refused_until=SAVED + 50)
    there.restore(here.state(SAVED, UNIX), AGE_S, RESTORED, UNIX + AGE_S + skew_s)
    assert there.windows.charge(Resource.MESSAGES, 1, RESTORED) == pytest.approx(60 - AGE_S)
    assert there.resources[Resource.MESSAGES].refused_until == pytest.approx(RESTORED + 50 - AGE_S)


def test_what_the_version_before_has_saved_goes_by_the_wall_clock() -> None:
    here, there = used("1/minute"), used("1/minute")
    here.windows.charge(Resource.MESSAGES, 1, SAVED)
    told = msgspec.structs.replace(here.state(SAVED, UNIX), saved_at=0.0)
    there.restore(told, AGE_S, RESTORED, UNIX + AGE_S)
    assert there.windows.charge(Resource.MESSAGES, 1, RESTORED) == pytest.approx(60 - AGE_S)


def test_is_saved_when_a_block_has_been_used() -> None:
    unsaved = SingleWaiterEvent()
    usage = Quota({}, unsaved)
    for _ in range(2):
        for _ in range(9):
            usage.charge(Resource.MESSAGES, 1, 5.0)
        assert not unsaved.is_set()
        usage.charge(Resource.MESSAGES, 1, 5.0)
        assert unsaved.is_set()
        unsaved.clear()
        usage.state(5.0, UNIX)


def test_a_save_is_requested_once_until_it_happens() -> None:
    unsaved = SingleWaiterEvent()
    usage = Quota({}, unsaved)
    usage.charge(Resource.AUDIO_SECONDS, 2, 5.0)
    unsaved.clear()
    usage.charge(Resource.AUDIO_SECONDS, 2, 5.0)
    assert not unsaved.is_set()
    usage.charge(Resource.MESSAGES, 10, 5.0)
    assert unsaved.is_set()


def test_a_rate_that_is_another_there_begins_anew() -> None:
    here, there = used("1/hour"), used("2/hour")
    here.windows.charge(Resource.MESSAGES, 1, SAVED)
    moved(here, there)
    assert [there.windows.charge(Resource.MESSAGES, 1, RESTORED) for _ in range(3)] == [0, 0, 3_600]


def test_who_was_refused_stays_so() -> None:
    here, there = used("1/hour"), used("1/hour")
    here.resources[Resource.MESSAGES] = ResourceState(SAVED + 60, SAVED - 10, SAVED + 60)
    moved(here, there)
    state = there.resources[Resource.MESSAGES]
    timestamps = (state.refused_until, state.refused_since, state.reported_until)
    assert timestamps == pytest.approx((RESTORED + 30, RESTORED - 40, RESTORED + 30))
