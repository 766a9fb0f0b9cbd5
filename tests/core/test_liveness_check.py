import pytest

from voicegw.core.liveness_check import LivenessCheck


def heard(now: float = 10.0) -> LivenessCheck:
    """A client whose audio came until then."""
    presence = LivenessCheck()
    presence.receive_audio(now)
    return presence


def test_who_sends_is_there() -> None:
    presence = heard(10.0)
    assert not presence.probe_due(10.4)
    assert presence.heard_until(10.4) == 10.0


def test_who_sends_two_seconds_at_a_time_is_awaited_after_that() -> None:
    presence = LivenessCheck()
    for _ in range(10):
        presence.receive_audio(10.0, 0.2)  # as the gateway takes in a long message
    assert not presence.probe_due(12.4)
    assert presence.heard_until(11.9) == pytest.approx(12.0)
    presence.receive_audio(12.0, 0.02)
    assert presence.probe_due(12.5)


def test_behind_a_backlog_nobody_is_awaited_longer_than_before() -> None:
    presence = LivenessCheck()
    for _ in range(25):
        presence.receive_audio(10.0, 0.2)
    for message in range(1, 6):
        presence.receive_audio(10.0 + 0.2 * message, 0.2)
    assert presence.heard_until(12.0) == pytest.approx(11.2)
    assert presence.probe_due(11.8)


def test_long_messages_that_come_unevenly_are_awaited_after_their_length() -> None:
    presence = LivenessCheck()
    for at in (10.0, 13.0, 14.0):
        for _ in range(10):
            presence.receive_audio(at, 0.2)
    assert presence.heard_until(15.0) == pytest.approx(16.0)


def test_who_sends_often_is_awaited_at_once() -> None:
    presence = LivenessCheck()
    for _ in range(100):
        presence.receive_audio(10.0, 0.02)
    assert presence.probe_due(10.5)


def test_who_stops_is_asked_once() -> None:
    presence = heard(10.0)
    assert presence.probe_due(10.5)
    assert not presence.probe_due(10.6)


def test_until_the_answer_nobody_knows_whether_it_was_silence() -> None:
    presence = heard(10.0)
    presence.probe_due(10.5)
    assert presence.heard_until(12.0) == 12.0
    presence.receive_probe_answer()
    assert presence.heard_until(12.0) == 10.0


def test_audio_settles_every_doubt() -> None:
    presence = heard(10.0)
    presence.probe_due(10.5)
    presence.receive_audio(11.0)
    assert presence.heard_until(11.2) == 11.0
    assert presence.probe_due(11.5)


def test_who_is_away_is_not_silent_until_back() -> None:
    presence = heard(10.0)
    presence.receive_disconnect()
    assert presence.heard_until(20.0) == 20.0
    presence.receive_reconnect(20.0)
    assert presence.heard_until(21.0) == 20.0


def test_who_was_doubted_and_comes_back_is_asked_again() -> None:
    presence = heard(10.0)
    presence.probe_due(10.5)
    presence.receive_disconnect()
    presence.receive_reconnect(20.0)
    assert presence.probe_due(20.5)
    presence.receive_probe_answer()
    assert presence.heard_until(21.0) == 20.0


def test_time_in_which_everything_stood_still_is_no_silence() -> None:
    presence = heard(10.0)
    presence.receive_stall(3.0, 13.1)
    assert presence.heard_until(13.1) == 13.0
    presence.receive_stall(3.0, 13.2)
    assert presence.heard_until(13.2) == 13.2
