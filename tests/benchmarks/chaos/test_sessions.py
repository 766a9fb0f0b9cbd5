"""The outcome of sessions under faults, from messages as a server would have sent them."""

from random import Random

import msgspec
import pytest

from benchmarks.chaos.sessions import LIMIT_S, Played, SessionLoad, SessionOutcome
from benchmarks.recording import Received
from clients.errors import ClientError
from tests.redis_server import free_port
from tests.speech import single_utterances
from voicegw.core import events
from voicegw.dialects import native

SAMPLE = single_utterances()[0]
PARTIAL = native.PartialMessage(seq=1, turn=1, stable="set", tentative="a timer", audio_ms=500)
FINAL = native.FinalMessage(seq=2, turn=1, text="Set a timer.", words=[], start_ms=0, end_ms=1000)
EXPECTED = {SAMPLE.file: [["set", "a", "timer"], ["set", "the", "timer"]]}
LIMITS = events.Limits(max_message_bytes=1, max_burst_ms=1, idle_timeout_ms=1)


def final(text: str) -> native.FinalMessage:
    return msgspec.structs.replace(FINAL, text=text)


def played(*received: tuple[float, native.ServerMessage], sent: int = 0) -> Played:
    return Played(SAMPLE, [Received(at_s, message) for at_s, message in received], sent_samples=sent)


def counts(*sessions: Played) -> dict[str, int]:
    """What is not 0 in the outcome of them."""
    found = SessionOutcome(EXPECTED, list(sessions)).counts()
    return {name: count for name, count in found.items() if count}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Set a timer.", {}),
        ("Set the timer", {}),
        ("Set timer", {"lost_words": 1}),
        ("Set a timer timer", {"doubled_words": 1}),
        ("Get a timer", {"changed_words": 1}),
    ],
)
def test_words_are_compared_with_the_nearest_session_without_faults(text: str, found: dict[str, int]) -> None:
    assert counts(played((1.0, final(text)))) == {"sessions": 1, **found}


def test_samples_that_were_not_acknowledged_are_lost() -> None:
    acked = native.AckedMessage(seq=3, samples=900)
    assert counts(played((1.0, FINAL), (2.0, acked), sent=1000)) == {"sessions": 1, "lost_samples": 100}


def test_doubled_samples_do_not_compensate_lost_ones() -> None:
    acked = native.AckedMessage(seq=3, samples=900)
    sessions = [played((1.0, FINAL), (2.0, acked), sent=sent) for sent in (1000, 700)]
    assert counts(*sessions) == {"sessions": 2, "lost_samples": 100, "doubled_samples": 200}


def test_failed_and_new_sessions_are_counted() -> None:
    failed = Played(SAMPLE, failed=True)
    greeting = native.ReadyMessage(seq=1, session="t", epoch=1, resumed=False, next_sample=0, limits=LIMITS)
    resumed = played((1.0, msgspec.structs.replace(greeting, resumed=True)), (2.0, FINAL))
    assert counts(failed) == {"sessions": 1, "failed_sessions": 1}
    assert counts(played((1.0, greeting))) == {"sessions": 1, "unresumed_sessions": 1}
    assert counts(resumed) == {"sessions": 1}


def test_recovery_is_to_the_next_words_of_an_open_turn() -> None:
    session = played((1.0, PARTIAL), (4.0, FINAL))
    assert session.recovery_s(since=0.5) is None
    assert session.recovery_s(since=3.5) == 0.5
    assert session.recovery_s(since=5.0) is None
    assert played((1.0, PARTIAL)).recovery_s(since=2.0) == LIMIT_S
    assert SessionOutcome(EXPECTED, [session]).recovery_s(0.5) == []


async def test_a_recording_that_cannot_be_streamed_is_an_error() -> None:
    load = SessionLoad([f"ws://127.0.0.1:{free_port()}/v1/stream"], [SAMPLE], speakers=1)
    with pytest.raises(ClientError, match=SAMPLE.file):
        await load.learn()
    assert 0.5 <= load.moment_s(Random(1)) <= SAMPLE.duration_ms / 1000
