import msgspec
import pytest

from benchmarks.recording import Received, Recording, Update, lost_samples, turns_of
from tests.clients.scripted_server import FINAL, LATENCY, PARTIAL, TURN
from voicegw.core.events import EndReason
from voicegw.dialects import native

STARTED = native.SpeechStartedMessage(seq=1, turn=1, at_ms=500)
STOPPED = native.SpeechStoppedMessage(seq=2, turn=1, at_ms=1300, reason=EndReason.SILENCE)


def recording(*messages: native.ServerMessage, sent: int = 0, acked: int = 0) -> Recording:
    """A session that began at second 100 and got a message every second from then on."""
    acks = (native.AckedMessage(seq=90, samples=acked),) if acked else ()
    received = tuple(Received(100.0 + n, message) for n, message in enumerate((*messages, *acks)))
    return Recording("x.wav", 100.0, sent, 16_000, 0.0, received)


@pytest.mark.parametrize(("at_ms", "expected"), [(0, 100.0), (19, 100.0), (20, 100.02), (1310, 101.3)])
def test_audio_is_due_with_its_frame(at_ms: int, expected: float) -> None:
    assert recording().scheduled_s(at_ms) == pytest.approx(expected)


def test_a_turn_has_its_messages_and_their_arrivals() -> None:
    [turn] = turns_of(recording(*TURN))
    assert turn.started is TURN[0]
    assert turn.updates == (Update(101.0, "What time", "is it"), Update(103.0, FINAL.text))
    assert (turn.stopped_at_s, turn.final_at_s, turn.first_token_at_s) == (102.0, 103.0, 104.0)
    assert (turn.final, turn.latency) == (FINAL, LATENCY)


def test_turns_come_in_their_order() -> None:
    second = msgspec.structs.replace(PARTIAL, turn=2)
    assert [len(turn.updates) for turn in turns_of(recording(second, PARTIAL, FINAL))] == [2, 1]


@pytest.mark.parametrize(
    ("messages", "acked", "expected"),
    [
        ((STARTED, STOPPED, FINAL), 32_000, 0),
        ((), 31_000, 1000),
        ((STARTED, STOPPED), 32_000, 800 * 16),
        ((STARTED,), 32_000, 20 * 16),
        ((STARTED, STOPPED, msgspec.structs.replace(FINAL, start_ms=510, end_ms=1290)), 32_000, 20 * 16),
        ((STARTED, msgspec.structs.replace(FINAL, start_ms=501)), 32_000, 16),
    ],
)
def test_samples_neither_acknowledged_nor_covered_are_lost(
    messages: tuple[native.ServerMessage, ...], acked: int, expected: int
) -> None:
    assert lost_samples(recording(*messages, sent=32_000, acked=acked)) == expected


def test_the_last_acknowledgement_counts() -> None:
    early, late = (native.AckedMessage(seq=1, samples=samples) for samples in (16_000, 32_000))
    assert lost_samples(recording(early, late, sent=32_000)) == 0


def test_text_is_stable_and_tentative_together() -> None:
    assert Update(0.0, "What time", "is it?").words == ["what", "time", "is", "it"]
    assert Update(0.0, "", "what").text == "what"


def test_a_recording_survives_json() -> None:
    whole = recording(*TURN, sent=5)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Recording) == whole
