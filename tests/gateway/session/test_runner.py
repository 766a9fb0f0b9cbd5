"""One session's turns over a real WebSocket, with every port scripted."""

import asyncio

import pytest

from tests.gateway.fakes import LOUD, QUIET, SPOKEN, Stage, staged
from tests.observing import until
from tests.peer import Peer, joined
from voicegw.core.events import ReplyReason
from voicegw.core.jobs import Superseded
from voicegw.dialects import native
from voicegw.errors import LLMInterrupted, LLMTimeout, RecognitionFailed, ReplyError
from voicegw.gateway.session.write_ahead import ResumeOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

HELLO = native.TextMessage(text="hello")


async def assert_typed_turn(stage: Stage, peer: Peer) -> None:
    """The session is in working order."""
    stage.responder.gate.set()
    await peer.send(HELLO)
    done = await peer.until(native.ReplyDoneMessage)
    assert (done.text, done.reason) == ("Good day.", ReplyReason.COMPLETED)


async def test_a_spoken_turn_from_first_sound_to_latency() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.say(SPOKEN)
        await peer.until(native.LatencyMessage)
    kinds = [type(message) for message in peer.messages if not isinstance(message, native.AckedMessage)]
    assert kinds[:2] == [native.ReadyMessage, native.SpeechStartedMessage]
    assert kinds[kinds.index(native.SpeechStoppedMessage) :] == [
        native.SpeechStoppedMessage,
        native.FinalMessage,
        native.ReplyStartedMessage,
        native.ReplyDeltaMessage,
        native.ReplyDeltaMessage,
        native.ReplyDoneMessage,
        native.LatencyMessage,
    ]
    assert peer.of(native.FinalMessage)[0].text == "hello there"
    assert stage.responder.prompts[0][-1].content == "hello there"


async def test_a_typed_turn() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        latency = await peer.until(native.LatencyMessage)
    assert "".join(delta.text for delta in peer.of(native.ReplyDeltaMessage)) == "Good day."
    assert latency.done_ms is not None
    assert stage.value("turns_total") == 1


async def test_cancel_stops_the_reply_at_its_source() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        await peer.send(native.CancelMessage())
        done = await peer.until(native.ReplyDoneMessage)
        assert (done.text, done.reason) == ("Good", ReplyReason.CANCELLED)
        await asyncio.wait_for(stage.responder.stopped.wait(), 5)
        await assert_typed_turn(stage, peer)


async def test_speech_with_words_stops_the_reply() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        await peer.say(LOUD)
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.INTERRUPTED
        await asyncio.wait_for(stage.responder.stopped.wait(), 5)


@pytest.mark.parametrize("failure", [LLMTimeout("too slow"), LLMInterrupted()])
async def test_a_reply_that_fails_is_told_and_the_session_goes_on(failure: ReplyError) -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.failure = failure
        await peer.send(HELLO)
        assert await peer.error() == failure.code
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.FAILED
        stage.responder.failure = None
        await assert_typed_turn(stage, peer)
    assert stage.value("faults_total", code=failure.code) == 1


async def test_a_broken_responder_costs_its_reply() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.failure = RuntimeError("a bug")
        await peer.send(HELLO)
        assert await peer.error() == "internal_error"
        stage.responder.failure = None
        await peer.until(native.LatencyMessage)
        await assert_typed_turn(stage, peer)


async def test_words_that_are_lost_are_told_and_the_session_goes_on() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.recognizer.failures = [RecognitionFailed() for _ in range(20)]
        await peer.say(SPOKEN)
        assert await peer.error() == "recognition_failed"
        assert (await peer.until(native.FinalMessage)).text == ""
        await assert_typed_turn(stage, peer)


async def test_a_superseded_partial_is_nobodys_trouble() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.recognizer.failures = [Superseded()]
        await peer.say(SPOKEN)
        assert (await peer.until(native.FinalMessage)).text == "hello there"


async def test_a_fault_of_our_own_closes_the_session() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.recognizer.failures = [RuntimeError("a bug")]
        await peer.say(SPOKEN)
        assert await peer.closed() == 1011


async def test_commit_ends_the_utterance_now() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.say(LOUD)
        await peer.send(native.CommitMessage())
        assert (await peer.until(native.SpeechStoppedMessage)).reason == "commit"
        assert (await peer.until(native.FinalMessage)).text == "hello there"


async def test_someone_who_stops_sending_has_finished_speaking() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.say(LOUD)
        assert (await peer.until(native.SpeechStoppedMessage)).reason == "stalled"


async def test_a_client_that_vanishes_for_good_takes_its_work_along() -> None:
    async with staged(resume=ResumeOptions(window_ms=0)) as stage, joined(stage.url) as peer:
        stage.recognizer.gate.clear()
        stage.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        await peer.say(LOUD)
        await until(lambda: stage.recognizer.jobs)
        peer.socket.transport.abort()
        await asyncio.wait_for(stage.responder.stopped.wait(), 5)
        await until(lambda: stage.value("sessions") == 0)


async def test_draining_an_idle_session_closes_it() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        draining = asyncio.create_task(stage.gateway.drain())
        assert (await peer.until(native.GoingAwayMessage)).retry_after_ms > 0
        assert await peer.error() == "draining"
        assert await peer.closed() == 1012
        await draining


async def test_draining_lets_an_open_turn_finish() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.say(SPOKEN + QUIET)
        await peer.until(native.ReplyDeltaMessage)
        draining = asyncio.create_task(stage.gateway.drain())
        await peer.until(native.GoingAwayMessage)
        stage.responder.gate.set()
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.COMPLETED
        assert await peer.closed() == 1012
        await draining


async def test_draining_ends_at_its_deadline() -> None:
    async with staged(drain_timeout_ms=300) as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        draining = asyncio.create_task(stage.gateway.drain())
        assert await peer.closed() == 1012
        await draining
    assert stage.responder.stopped.is_set()
