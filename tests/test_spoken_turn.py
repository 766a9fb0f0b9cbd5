"""Spoken replies end to end: recorded speech in, a model's reply out that espeak-ng says aloud, and what
happens when somebody speaks over it."""

import asyncio
import time
from collections.abc import Iterator

import numpy as np
import pytest

from clients.audio import frames, paced
from tests.live import LiveServer, live_server
from tests.llm_server import LLMServer
from tests.observing import children, until
from tests.peer import Peer, joined
from tests.speech import pcm, single_utterances
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.events import ReplyReason
from voicegw.dialects import native
from voicegw.reply.voice.espeak import installed

HELLO = native.TextMessage(text="hello")
LONG_REPLY = (
    "The first sentence is rather short. " + "Then it goes on and on about nothing in particular. " * 20
)
BYTES_PER_MS = 32
LEAD_MS = 400
LATE_MS = 100  # what a busy machine may add to either end's clock


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    assert installed(), "espeak-ng is not installed; scripts/system-packages names what the tests need"
    with live_server(llm=LLMServer()) as server:
        yield server


async def stamped(peer: Peer, kind: type[native.Outbound]) -> float:
    """When the next message of this kind was here, in monotonic seconds."""
    await peer.until(kind)
    return time.monotonic()


async def speak(peer: Peer, audio: bytes) -> None:
    """In real time."""
    async for _due, frame in paced(frames(audio, SAMPLE_RATE)):
        await peer.send(frame)


def sound(peer: Peer) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.frombuffer(b"".join(frame for _, frame in peer.audio), dtype="<i2")


async def test_a_question_is_answered_aloud(server: LiveServer) -> None:
    server.llm.tokens = ["It costs", " $5. ", "That is", " not much."]
    async with joined(server.url, "reply=audio") as peer:
        await peer.say(pcm(single_utterances()[0]))
        done = await peer.until(native.ReplyDoneMessage)
        latency = await peer.until(native.LatencyMessage)
    assert done.text == "It costs $5. That is not much."
    assert 1.5 * SAMPLE_RATE < len(sound(peer)) < 5 * SAMPLE_RATE
    assert np.abs(sound(peer)).max() > 5_000
    assert latency.first_audio_ms is not None
    assert latency.first_token_ms is not None
    assert latency.first_token_ms <= latency.first_audio_ms


async def test_speech_over_a_reply_stops_it_and_history_keeps_what_was_heard(server: LiveServer) -> None:
    server.llm.tokens = [f"{word} " for word in LONG_REPLY.split()]
    interruption = bytes(1500 * BYTES_PER_MS) + pcm(single_utterances()[-1])
    before = children()
    async with joined(server.url, "reply=audio") as peer:
        await peer.send(HELLO)
        await peer.until(native.ReplyStartedMessage)
        speaking = asyncio.create_task(speak(peer, interruption))
        stopped = await stamped(peer, native.ReplyDoneMessage)
        frames_heard = len(peer.audio)
        server.llm.tokens = ["Very", " well."]
        assert stopped - await stamped(peer, native.PartialMessage) < 0.2
        assert len(peer.audio) == frames_heard
        await peer.until(native.ReplyDoneMessage)
        await speaking
    assert_paced(peer)
    assert_remembered(server, peer.of(native.ReplyDoneMessage)[0])
    await until(lambda: children() == before)


def assert_remembered(server: LiveServer, done: native.ReplyDoneMessage) -> None:
    """The model was told of the interrupted reply what was heard of it, and no more."""
    assert done.reason is ReplyReason.INTERRUPTED
    assert LONG_REPLY.startswith(done.text)
    assert "The first sentence" in done.text
    told = [each for each in server.llm.exchanges[-1].body["messages"] if each["role"] == "assistant"]
    assert told[-1]["content"] == f"{done.text} [cut off]"


def assert_paced(peer: Peer) -> None:
    """No more audio than the lead came ahead of real time."""
    begin, sent_ms = peer.audio[0][0], 0.0
    for at, frame in peer.audio:
        sent_ms += len(frame) / BYTES_PER_MS
        assert sent_ms <= (at - begin) * 1000 + LEAD_MS + LATE_MS


async def test_hanging_up_in_mid_reply_leaves_nothing_behind(server: LiveServer) -> None:
    before = children()
    server.llm.tokens = [LONG_REPLY]
    async with joined(server.url, "reply=audio") as peer:
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
    await until(lambda: children() == before)
