"""The stored state of a session restores the session in another gateway, whose clock differs."""

import pytest
from limits import parse_many

from tests.core.scenario import QUICK, ScriptedScorer, windowed
from voicegw.core import snapshot
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session
from voicegw.core.session_store import StoredSession
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import Resource
from voicegw.gateway.session.record import RecordState, SessionRecord

RATES = {Resource.MESSAGES: parse_many("2/hour")}


def new_record(opened_at: float, profile: SessionProfile) -> SessionRecord:
    session = Session("s", QUICK, profile, ScriptedScorer(), windowed(QUICK))
    return SessionRecord(session, "ada", "native", Quota(RATES), opened_at, opened_at)


def moved(record: SessionRecord, age_s: float, now: float) -> SessionRecord:
    """The record as another gateway restores it, `age_s` after it was saved."""
    stored = snapshot.encode(record.state(5, [1], 160.0, 1_000_160.0))
    state = snapshot.decode(stored, RecordState)
    assert state is not None
    restored = new_record(now, state.profile)
    saved = StoredSession(2, stored, {}, b"", 0, age_s)
    restored.restore(state, saved, now, 1_000_160.0 + age_s)
    return restored


def test_the_state_names_dialect_profile_and_events() -> None:
    state = new_record(100.0, SessionProfile(rate=8_000)).state(5, [1, 4], 160.0, 1_000_160.0)
    assert (state.dialect, state.profile.rate) == ("native", 8_000)
    assert (state.last_event, state.ready_events) == (5, [1, 4])
    assert state.age_s == 60.0


def test_a_session_keeps_its_age_across_gateways() -> None:
    record = moved(new_record(100.0, SessionProfile()), age_s=10.0, now=5_000.0)
    assert record.opened_at == pytest.approx(5_000.0 - 60.0 - 10.0)


def test_a_session_keeps_its_profile_and_its_use_across_gateways() -> None:
    record = new_record(100.0, SessionProfile(rate=8_000))
    record.quota.charge(Resource.MESSAGES, 2, 150.0)
    restored = moved(record, age_s=10.0, now=5_000.0)
    assert restored.profile.rate == 8_000
    assert restored.quota.charge(Resource.MESSAGES, 1, 5_000.0) == pytest.approx(3_600 - 20.0)
