import pytest

from voicegw.core.liveness_check import LivenessCheck


def heard(now: float = 10.0) -> LivenessCheck:
    """A client whose audio came until then."""
    liveness = LivenessCheck()
    liveness.receive_audio(now)
    return liveness


def test_a_sending_client_is_connected() -> None:
    liveness = heard(10.0)
    assert not liveness.probe_due(10.4)
    assert liveness.last_audio_at(10.4) == 10.0


def test_after_a_message_of_two_seconds_the_next_is_expected_two_seconds_later() -> None:
    liveness = LivenessCheck()
    for _ in range(10):
        liveness.receive_audio(10.0, 0.2)  # one piece of a long message
    assert not liveness.probe_due(12.4)
    assert liveness.last_audio_at(11.9) == pytest.approx(12.0)
    liveness.receive_audio(12.0, 0.02)
    assert liveness.probe_due(12.5)


def test_after_a_backlog_the_next_message_is_expected_as_before() -> None:
    liveness = LivenessCheck()
    for _ in range(25):
        liveness.receive_audio(10.0, 0.2)
    for message in range(1, 6):
        liveness.receive_audio(10.0 + 0.2 * message, 0.2)
    assert liveness.last_audio_at(12.0) == pytest.approx(11.2)
    assert liveness.probe_due(11.8)


def test_long_messages_at_uneven_times_are_expected_after_their_length() -> None:
    liveness = LivenessCheck()
    for at in (10.0, 13.0, 14.0):
        for _ in range(10):
            liveness.receive_audio(at, 0.2)
    assert liveness.last_audio_at(15.0) == pytest.approx(16.0)


def test_frequent_messages_are_expected_at_once() -> None:
    liveness = LivenessCheck()
    for _ in range(100):
        liveness.receive_audio(10.0, 0.02)
    assert liveness.probe_due(10.5)


def test_a_client_that_stops_gets_one_probe() -> None:
    liveness = heard(10.0)
    assert liveness.probe_due(10.5)
    assert not liveness.probe_due(10.6)


def test_an_unanswered_probe_counts_as_a_disconnect() -> None:
    liveness = heard(10.0)
    liveness.probe_due(10.5)
    assert liveness.last_audio_at(12.0) == 12.0
    liveness.receive_probe_answer()
    assert liveness.last_audio_at(12.0) == 10.0


def test_audio_cancels_a_probe() -> None:
    liveness = heard(10.0)
    liveness.probe_due(10.5)
    liveness.receive_audio(11.0)
    assert liveness.last_audio_at(11.2) == 11.0
    assert liveness.probe_due(11.5)


def test_a_disconnected_client_is_not_probed() -> None:
    liveness = heard(10.0)
    liveness.receive_disconnect()
    assert liveness.last_audio_at(20.0) == 20.0
    liveness.receive_reconnect(20.0)
    assert liveness.last_audio_at(21.0) == 20.0


def test_a_client_that_reconnects_gets_a_new_probe() -> None:
    liveness = heard(10.0)
    liveness.probe_due(10.5)
    liveness.receive_disconnect()
    liveness.receive_reconnect(20.0)
    assert liveness.probe_due(20.5)
    liveness.receive_probe_answer()
    assert liveness.last_audio_at(21.0) == 20.0


def test_a_stall_of_the_process_is_not_silence() -> None:
    liveness = heard(10.0)
    liveness.receive_stall(3.0, 13.1)
    assert liveness.last_audio_at(13.1) == 13.0
    liveness.receive_stall(3.0, 13.2)
    assert liveness.last_audio_at(13.2) == 13.2
