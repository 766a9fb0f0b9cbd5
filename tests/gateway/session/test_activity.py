from voicegw.gateway.session.activity import ActivityTimestamps


def test_a_new_session_is_as_old_as_its_last_activity() -> None:
    assert ActivityTimestamps.begun(7.0) == ActivityTimestamps(opened_at=7.0, alive_at=7.0)
