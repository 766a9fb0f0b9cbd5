"""Replies said aloud through a real gateway; every port is scripted."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from tests.gateway.fakes import LOUD, ScriptedVoice, staged
from tests.observing import until
from tests.peer import Peer, joined
from voicegw.core.audio import AudioFormat
from voicegw.core.events import AudioShape, ReplyReason
from voicegw.core.session import SessionOptions
from voicegw.core.speech_output import SpeechOptions
from voicegw.dialects import native
from voicegw.errors import VoiceFailed

pytestmark = pytest.mark.usefixtures("virtual_clock")

HELLO = native.TextMessage(text="hello")
SENTENCES = ["One two three. ", "Four five six."]


def audio_ms(peer: Peer, bytes_per_ms: int = 32) -> float:
    return sum(len(frame) for _, frame in peer.audio) / bytes_per_ms


async def test_a_reply_is_said_sentence_by_sentence_and_over_when_it_was_heard() -> None:
    voice = ScriptedVoice(seconds=0.4)
    async with staged(voice=voice) as stage, joined(stage.url, "reply=audio") as peer:
        stage.responder.pieces = SENTENCES
        await peer.send(HELLO)
        done = await peer.until(native.ReplyDoneMessage)
        latency = await peer.until(native.LatencyMessage)
    assert (done.text, done.reason) == ("".join(SENTENCES), ReplyReason.COMPLETED)
    assert voice.sentences == SENTENCES
    assert audio_ms(peer) == 800
    assert latency.first_audio_ms is not None
    assert latency.done_ms is not None
    assert latency.done_ms >= latency.first_audio_ms + 780


@pytest.mark.parametrize(("query", "language"), [("lang=de&", "de"), ("lang=auto&", ""), ("", "")])
async def test_the_voice_is_told_the_language_of_the_session(query: str, language: str) -> None:
    voice = ScriptedVoice(seconds=0.1)
    async with staged(voice=voice) as stage, joined(stage.url, f"{query}reply=audio") as peer:
        await peer.send(HELLO)
        await peer.until(native.ReplyDoneMessage)
    assert voice.languages == [language]


async def test_audio_is_never_more_than_the_lead_ahead_of_real_time() -> None:
    async with staged(voice=ScriptedVoice(seconds=2)) as stage, joined(stage.url, "reply=audio") as peer:
        await peer.send(HELLO)
        await peer.until(native.ReplyDoneMessage)
    begin, sent_ms = peer.audio[0][0], 0.0
    for at, frame in peer.audio:
        sent_ms += len(frame) / 32
        assert sent_ms <= (at - begin) * 1000 + 400 + 50  # this end's clock reads a little early


@pytest.mark.parametrize(
    ("query", "bytes_per_ms"), [("rate=8000&format=mulaw", 8), ("rate=48000", 96), ("format=alaw", 8)]
)
async def test_audio_comes_in_the_client_s_own_format(query: str, bytes_per_ms: int) -> None:
    voice = ScriptedVoice(seconds=0.2)
    async with staged(voice=voice) as stage, joined(stage.url, f"{query}&reply=audio") as peer:
        await peer.send(HELLO)
        await peer.until(native.ReplyDoneMessage)
        assert audio_ms(peer, bytes_per_ms) == 200


async def test_the_greeting_says_what_audio_will_come() -> None:
    async with staged(voice=ScriptedVoice()) as stage:
        async with joined(stage.url, "rate=8000&format=mulaw&reply=audio") as peer:
            assert peer.of(native.ReadyMessage)[0].reply_audio == AudioShape(AudioFormat.MULAW, 8000)
        async with joined(stage.url) as peer:
            assert peer.of(native.ReadyMessage)[0].reply_audio is None


async def test_nothing_comes_after_an_interruption() -> None:
    voice = ScriptedVoice(seconds=5)
    async with staged(voice=voice) as stage, joined(stage.url, "reply=audio") as peer:
        await peer.send(HELLO)
        await peer.until(native.ReplyStartedMessage)
        await until(lambda: voice.sentences)
        stage.recognizer.text = "no wait stop that"
        await peer.say(LOUD)
        done = await peer.until(native.ReplyDoneMessage)
        assert done.reason is ReplyReason.INTERRUPTED
        heard = len(peer.audio)
        stage.responder.pieces = []
        await peer.send(native.EndMessage())
        await peer.closed()
    assert len(peer.audio) == heard
    assert (stage.value("reply_audio_dropped_seconds_total") or 0) > 0


async def test_cancelling_stops_the_voice() -> None:
    voice = ScriptedVoice()
    voice.gate.clear()
    async with staged(voice=voice) as stage, joined(stage.url, "reply=audio") as peer:
        await peer.send(HELLO)
        await until(lambda: voice.sentences)
        await peer.send(native.CancelMessage())
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.CANCELLED
        await asyncio.wait_for(voice.stopped.wait(), 5)


@pytest.mark.parametrize(
    ("failure", "code"), [(VoiceFailed(), "voice_failed"), (KeyError(), "internal_error")]
)
async def test_a_voice_that_fails_costs_its_reply_only(failure: Exception, code: str) -> None:
    voice = ScriptedVoice(failure=failure, seconds=0.1)
    async with staged(voice=voice) as stage, joined(stage.url, "reply=audio") as peer:
        await peer.send(HELLO)
        assert await peer.error() == code
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.FAILED
        voice.failure = None
        await peer.send(HELLO)
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.COMPLETED


async def test_a_server_without_a_voice_says_so_before_the_upgrade() -> None:
    async with staged() as stage:
        with pytest.raises(InvalidStatus) as refused:
            await joined(stage.url, "reply=audio").__aenter__()
    assert refused.value.response.status_code == 400
    assert b"espeak-ng" in refused.value.response.body
    assert b"unsupported_reply" in refused.value.response.body


async def test_a_server_without_a_voice_says_so_when_it_is_asked_later() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send('{"type": "configure", "reply": "audio"}')
        assert await peer.error() == "unsupported_reply"
        await peer.send(HELLO)
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.COMPLETED


async def test_audio_can_be_asked_for_later() -> None:
    async with staged(voice=ScriptedVoice(seconds=0.1)) as stage, joined(stage.url) as peer:
        await peer.send('{"type": "configure", "reply": "audio"}', HELLO)
        await peer.until(native.ReplyDoneMessage)
        assert audio_ms(peer) == 100


async def test_reports_of_the_client_decide_what_was_heard() -> None:
    async with staged(voice=ScriptedVoice(seconds=2)) as stage, joined(stage.url, "reply=audio") as peer:
        stage.responder.pieces = ["One two three four."]
        await peer.send(HELLO)
        await peer.until(native.ReplyStartedMessage)
        await until(lambda: (stage.value("voice_first_audio_seconds_count") or 0) > 0)
        await peer.send(native.PlayedMessage(audio_ms=0, turn=1), native.CancelMessage())
        assert (await peer.until(native.ReplyDoneMessage)).text == ""


async def test_reports_of_the_client_do_not_count_audio_that_was_dropped_here() -> None:
    """All 10 s are due at once, and only the newest 2 s of them are sent."""
    session = SessionOptions(speech=SpeechOptions(lead_ms=10_000))
    voice = ScriptedVoice(seconds=10)
    async with staged(voice=voice, session=session) as stage, joined(stage.url, "reply=audio") as peer:
        await peer.send(HELLO)
        await until(lambda: (stage.value("voice_first_audio_seconds_count") or 0) > 0)
        await peer.send(native.PlayedMessage(audio_ms=2_000, turn=1))
        done = await peer.until(native.ReplyDoneMessage)
        latency = await peer.until(native.LatencyMessage)
    assert done.reason is ReplyReason.COMPLETED
    assert audio_ms(peer) == 2_000
    assert latency.done_ms is not None
    assert latency.done_ms < 2_000
