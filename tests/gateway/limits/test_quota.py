import msgspec
import pytest

from voicegw.gateway.limits.quota import Account, Quota, QuotaState
from voicegw.gateway.limits.rate_limits import LimitOptions, Resource

BOOTED, BOOTED_ELSEWHERE = 1_000_000.0, 1_000_500.0  # Unix times


def used(rate: str) -> Quota:
    return Quota(LimitOptions(session_messages=rate).rates("session"))


def moved(usage: Quota, to: Quota) -> None:
    told = msgspec.msgpack.encode(usage.state(BOOTED))
    to.restore(msgspec.msgpack.decode(told, type=QuotaState), BOOTED_ELSEWHERE)


def test_begins_with_nothing_used_and_nothing_refused() -> None:
    usage = used("1/minute")
    assert usage.accounts[Resource.MESSAGES].refused_since is None
    assert [usage.windows.charge(Resource.MESSAGES, 1, 5.0) for _ in range(2)] == [0, 60]


def test_a_window_goes_on_elsewhere() -> None:
    here, there = used("2/hour; 3/minute"), used("2/hour; 3/minute")
    for _ in range(2):
        here.windows.charge(Resource.MESSAGES, 1, 600.0)
    moved(here, there)
    assert there.windows.charge(Resource.MESSAGES, 1, 130.0) == pytest.approx(3_570)


def test_a_rate_that_is_another_there_begins_anew() -> None:
    here, there = used("1/hour"), used("2/hour")
    here.windows.charge(Resource.MESSAGES, 1, 600.0)
    moved(here, there)
    assert [there.windows.charge(Resource.MESSAGES, 1, 130.0) for _ in range(3)] == [0, 0, 3_600]


def test_who_was_refused_stays_so() -> None:
    here, there = used("1/hour"), used("1/hour")
    here.accounts[Resource.MESSAGES] = Account(refused_until=660.0, refused_since=600.0, told_until=660.0)
    moved(here, there)
    assert there.accounts[Resource.MESSAGES] == Account(160.0, 100.0, 160.0)
