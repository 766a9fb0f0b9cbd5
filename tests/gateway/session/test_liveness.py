import math

import pytest

from voicegw.core.events import Ending
from voicegw.errors import IdleTimeout, SessionTooLong, TokenExpired
from voicegw.gateway.session.liveness import Lifetime, LivenessOptions

OPTIONS = LivenessOptions(idle_timeout_ms=100_000, max_session_ms=1_000_000, notice_ms=10_000)
NEVER = math.inf


def lifetime() -> Lifetime:
    return Lifetime(OPTIONS, opened_at=0.0, token_s=600.0)


def test_a_client_that_falls_silent_is_warned_and_then_ended() -> None:
    life = lifetime()
    assert life.check(89.0, alive_at=0.0, expires_at=NEVER) == []
    assert life.next_check() == 90.0
    assert life.check(90.0, alive_at=0.0, expires_at=NEVER) == [Ending("idle_timeout", 10_000)]
    assert life.check(95.0, alive_at=0.0, expires_at=NEVER) == []
    assert life.next_check() == 100.0
    with pytest.raises(IdleTimeout):
        life.check(100.0, alive_at=0.0, expires_at=NEVER)


def test_one_who_speaks_up_may_be_warned_again() -> None:
    life = lifetime()
    assert life.check(90.0, alive_at=0.0, expires_at=NEVER)
    assert life.check(101.0, alive_at=91.0, expires_at=NEVER) == []
    assert life.check(181.0, alive_at=91.0, expires_at=NEVER) == [Ending("idle_timeout", 10_000)]


def test_no_session_lasts_for_ever() -> None:
    life = lifetime()
    assert life.check(990.0, alive_at=990.0, expires_at=NEVER) == [Ending("session_too_long", 10_000)]
    with pytest.raises(SessionTooLong):
        life.check(1_000.0, alive_at=1_000.0, expires_at=NEVER)


def test_a_token_may_be_replaced_in_time() -> None:
    life = lifetime()
    assert life.check(595.0, alive_at=595.0, expires_at=600.0) == [Ending("token_expired", 5_000)]
    assert life.check(600.0, alive_at=600.0, expires_at=1_200.0) == []
    with pytest.raises(TokenExpired):
        life.check(601.0, alive_at=600.0, expires_at=600.0)


def test_the_notice_is_short_where_the_time_is() -> None:
    life = Lifetime(LivenessOptions(idle_timeout_ms=1_000), opened_at=0.0, token_s=NEVER)
    assert life.check(0.7, alive_at=0.0, expires_at=NEVER) == []
    assert life.check(0.8, alive_at=0.0, expires_at=NEVER) == [Ending("idle_timeout", 200)]
