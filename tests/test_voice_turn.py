"""Whole turns, end to end: recorded speech in over a real socket, through the real recogniser in its own
process, to a reply that the real client of a language model streams from a real HTTP endpoint."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from clients.audio import frames, paced
from clients.local_server import ADMITTING
from clients.samples import Sample
from tests.live import LiveServer, live_server
from tests.llm_server import Ending, LLMServer
from tests.observing import PATIENCE_S, START_S, children, is_running, recognisers, until
from tests.peer import Peer, joined
from tests.speech import pcm, said, single_utterances, word_error_rate
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

SAMPLES = single_utterances()
SHORT = SAMPLES[0]
LONG = [each for each in SAMPLES if each.duration_ms < 4_800][-1]  # fits into the burst
HELLO = native.TextMessage(text="hello")
SOME_WORDS_WRONG = 0.34
FIRST_TOKEN_MS = 3_000  # of an endpoint that is to be too slow; others answer at once
BYTES_PER_MS = 32
ENDLESS: dict[str, Any] = {"tokens": [f"{number} " for number in range(10_000)], "token_delay_s": 0.05}


@pytest.fixture(scope="module")
def running() -> Iterator[LiveServer]:
    with live_server(first_token_timeout_ms=FIRST_TOKEN_MS) as server:
        yield server


@pytest.fixture
def server(running: LiveServer) -> LiveServer:
    """The server, and an endpoint that behaves until the test tells it otherwise."""
    behave(running)
    return running


def behave(server: LiveServer, **knobs: Any) -> None:
    """The endpoint says "Hello there." at once, but for the knobs given."""
    usual = LLMServer(tokens=("Hello", " there", "."))
    for knob in ("tokens", "first_token_delay_s", "token_delay_s", "status", "ending"):
        setattr(server.llm, knob, knobs.get(knob, getattr(usual, knob)))


def assert_heard(reference: str, heard: str, limit: float = SOME_WORDS_WRONG) -> None:
    assert word_error_rate(reference, heard) <= limit, f"{heard!r} for {reference!r}"


def spoken_part(sample: Sample) -> bytes:
    """The recording up to just behind its last word."""
    return pcm(sample)[: BYTES_PER_MS * (sample.utterances[0].end_ms + 60)]


def assert_append_only(peer: Peer, final: native.FinalMessage) -> None:
    """What was shown as stable was never taken back."""
    partials = [each for each in peer.of(native.PartialMessage) if each.turn == final.turn]
    assert partials
    for before, after in itertools.pairwise([*(each.stable for each in partials), final.text]):
        assert after.startswith(before)


async def answered(peer: Peer) -> native.ReplyDoneMessage:
    done = await peer.until(native.ReplyDoneMessage)
    await peer.until(native.LatencyMessage)
    return done


async def assert_turn(peer: Peer, sample: Sample = SHORT) -> native.FinalMessage:
    """The sentence just said is heard and answered."""
    final = await peer.until(native.FinalMessage)
    assert_heard(said(sample), final.text)
    assert (await answered(peer)).reason is ReplyReason.COMPLETED
    return final


# --- spoken -----------------------------------------------------------------------------------------------


async def test_a_spoken_turn_in_real_time(server: LiveServer) -> None:
    sample = SAMPLES[len(SAMPLES) // 2]
    async with joined(server.url) as peer:
        speaking = asyncio.create_task(speak(peer, pcm(sample)))
        final = await assert_turn(peer, sample)
        await speaking
    [started], [stopped] = peer.of(native.SpeechStartedMessage), peer.of(native.SpeechStoppedMessage)
    [spoken] = sample.utterances
    assert started.at_ms == pytest.approx(spoken.start_ms, abs=250)
    assert stopped.at_ms == pytest.approx(spoken.end_ms, abs=250)
    assert stopped.reason == "silence"
    assert_append_only(peer, final)
    assert "".join(each.text for each in peer.of(native.ReplyDeltaMessage)) == "Hello there."


async def speak(peer: Peer, audio: bytes) -> None:
    async for _, frame in paced(frames(audio, SAMPLE_RATE)):
        await peer.send(frame)


async def test_the_events_of_a_turn_come_in_order(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.say(pcm(SHORT))
        await assert_turn(peer)
    kinds = [type(each) for each in peer.messages]
    order = [
        native.ReadyMessage,
        native.SpeechStartedMessage,
        native.SpeechStoppedMessage,
        native.FinalMessage,
        native.ReplyStartedMessage,
        native.ReplyDeltaMessage,
        native.ReplyDoneMessage,
        native.LatencyMessage,
    ]
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order


async def test_words_have_times_and_the_turn_a_latency(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.say(pcm(SHORT))
        final = await assert_turn(peer)
    assert " ".join(word.word for word in final.words) == final.text
    times = [time for word in final.words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert final.start_ms <= times[0] <= times[-1] <= final.end_ms
    [latency] = peer.of(native.LatencyMessage)
    steps = [latency.endpoint_ms, latency.final_ms, latency.first_token_ms, latency.done_ms]
    assert None not in steps
    assert steps == sorted(steps, key=lambda step: step or 0)


async def test_the_model_is_asked_what_was_heard(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.say(pcm(SHORT))
        final = await assert_turn(peer)
        await peer.send(HELLO)
        await answered(peer)
    messages = server.llm.exchanges[-1].body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in messages[1:]] == [final.text, "Hello there.", "hello"]


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_other_rates_are_heard_too(server: LiveServer, rate: int) -> None:
    async with joined(server.url, f"rate={rate}") as peer:
        await peer.say(pcm(SHORT, rate))
        await assert_turn(peer)


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
async def test_telephone_audio_is_heard_too(server: LiveServer, law: str) -> None:
    encode = {"mulaw": mulaw, "alaw": alaw}[law]
    async with joined(server.url, f"rate=8000&format={law}") as peer:
        await peer.say(encode(pcm(SHORT, 8_000)))
        await assert_turn(peer)


def mulaw(audio: bytes) -> bytes:
    """G.711 mu-law from its definition: sign, exponent and mantissa of the biased magnitude, inverted."""
    samples = np.frombuffer(audio, "<i2").astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(samples), 8_158) + 33
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    mantissa = (magnitude >> (exponent + 1)) & 15
    return bytes((~((samples < 0) << 7 | exponent << 4 | mantissa) & 0xFF).astype(np.uint8))


def alaw(audio: bytes) -> bytes:
    """G.711 A-law likewise; its even bits are inverted."""
    samples = np.frombuffer(audio, "<i2").astype(np.int32) >> 3
    magnitude = np.where(samples < 0, -samples - 1, samples)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = (magnitude >> np.maximum(exponent, 1)) & 15
    code = (samples >= 0) << 7 | exponent << 4 | mantissa
    return bytes((code ^ 0x55).astype(np.uint8))


async def test_a_session_without_replies_transcribes(server: LiveServer) -> None:
    asked = len(server.llm.exchanges)
    async with joined(server.url, "reply=none") as peer:
        await peer.say(pcm(SHORT))
        assert_heard(said(SHORT), (await peer.until(native.FinalMessage)).text)
        assert (await peer.until(native.LatencyMessage)).first_token_ms is None
    assert len(server.llm.exchanges) == asked


async def test_two_sessions_do_not_mix(server: LiveServer) -> None:
    async def turn(sample: Sample) -> None:
        async with joined(server.url) as peer:
            await peer.say(pcm(sample))
            await assert_turn(peer, sample)

    await asyncio.gather(*map(turn, SAMPLES[:2] * 3))


async def test_a_worker_killed_in_mid_utterance_is_not_noticed(server: LiveServer) -> None:
    audio, middle = pcm(LONG), BYTES_PER_MS * LONG.duration_ms // 2
    restarts = server.value("worker_restarts_total") or 0
    async with joined(server.url) as peer:
        await peer.say(audio[:middle])
        await peer.until(native.SpeechStartedMessage)
        [worker] = recognisers()
        os.kill(worker, signal.SIGKILL)
        await peer.say(audio[middle:])
        await assert_turn(peer, LONG)
    assert not peer.of(native.ErrorMessage)
    assert server.value("worker_restarts_total") == restarts + 1


# --- what a client may ask for -----------------------------------------------------------------------------


async def test_commit_does_not_wait_for_silence(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.say(spoken_part(SHORT))
        await peer.send(native.CommitMessage())
        await assert_turn(peer)
    assert peer.of(native.SpeechStoppedMessage)[0].reason == "commit"


async def test_end_settles_the_open_utterance_and_closes(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.say(spoken_part(SHORT))
        await peer.send(native.EndMessage())
        assert await peer.closed() == 1000
    assert_heard(said(SHORT), peer.of(native.FinalMessage)[0].text)
    assert peer.of(native.ReplyDoneMessage)[0].reason is ReplyReason.COMPLETED
    assert peer.of(native.SpeechStoppedMessage)[0].reason == "end"


async def test_configure_changes_when_an_utterance_ends(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.send(native.ConfigureMessage(end_silence_ms=5_000))
        await peer.say(pcm(SHORT))
        assert (await peer.until(native.SpeechStoppedMessage)).reason == "stalled"
        await assert_turn(peer)


async def test_configure_refuses_what_is_out_of_bounds_and_changes_nothing(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        await peer.send(native.ConfigureMessage(end_silence_ms=1, reply=False))
        assert await peer.error() == "invalid_value"
        await peer.say(pcm(SHORT))
        await assert_turn(peer)


async def test_cancel_reaches_the_endpoint(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        behave(server, **ENDLESS)
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        await peer.send(native.CancelMessage())
        done = await answered(peer)
        assert done.reason is ReplyReason.CANCELLED
        assert done.text == "".join(each.text for each in peer.of(native.ReplyDeltaMessage))
        await until(lambda: server.llm.exchanges[-1].disconnected)


async def test_speech_over_a_reply_stops_it(server: LiveServer) -> None:
    async with joined(server.url) as peer:
        behave(server, **ENDLESS)
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        exchange = server.llm.exchanges[-1]
        await peer.say(spoken_part(SHORT))
        assert (await answered(peer)).reason is ReplyReason.INTERRUPTED
        await until(lambda: exchange.disconnected)
        behave(server)
        await peer.say(bytes(2 * SAMPLE_RATE))
        await assert_turn(peer)


# --- when the language model fails -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"status": 401}, "llm_unauthorized"),
        ({"status": 429}, "llm_rate_limited"),
        ({"status": 500}, "llm_broken"),
        ({"first_token_delay_s": 60.0}, "llm_timeout"),
        ({"ending": Ending.CUT}, "llm_interrupted"),
        ({"ending": Ending.UNFINISHED}, "llm_interrupted"),
        ({"ending": Ending.GARBLED}, "llm_broken"),
    ],
)
async def test_a_reply_that_fails_costs_its_turn(
    server: LiveServer, knobs: dict[str, Any], code: str
) -> None:
    async with joined(server.url) as peer:
        behave(server, **knobs)
        await peer.send(HELLO)
        assert await peer.error() == code
        assert (await answered(peer)).reason is ReplyReason.FAILED
        behave(server)
        await peer.say(pcm(SHORT))
        await assert_turn(peer)


async def test_an_endpoint_that_refuses_costs_its_turn() -> None:
    with live_server(llm=LLMServer(refuse=True)) as server:
        async with joined(server.url) as peer:
            for _ in range(2):
                await peer.send(HELLO)
                assert await peer.error() == "llm_unreachable"
                assert (await answered(peer)).reason is ReplyReason.FAILED


# --- `voicegw serve` ---------------------------------------------------------------------------------------


class Serving:
    """A server process, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url
        self.workers = children(process.pid)

    async def stopped(self) -> str:
        """The log, after the server has been told to stop and has left in order."""
        self.process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        assert self.process.returncode == 0
        assert not any(map(is_running, self.workers))
        return log.decode()


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[Serving]:
    """`voicegw serve` with the bundled model and nothing configured in the environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOICEGW_", "OPENAI_"))}
    flags = ["--model", "bundled", "--port", "0", *ADMITTING, *arguments]
    command = [sys.executable, "-m", "voicegw.cli", "serve", *flags]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=kept, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
        yield Serving(process, line.decode().split()[-1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_server_told_to_stop_finishes_the_open_turn() -> None:
    async with serving("--log-level", "debug") as server, joined(server.url) as peer:
        await peer.say(pcm(SHORT))
        await peer.until(native.SpeechStartedMessage)
        stopping = asyncio.create_task(server.stopped())
        await peer.until(native.GoingAwayMessage)
        assert await peer.closed() == 1012
        log = await stopping
    [final], [done] = peer.of(native.FinalMessage), peer.of(native.ReplyDoneMessage)
    assert_heard(said(SHORT), final.text)
    assert done.reason is ReplyReason.COMPLETED
    assert "draining" in log
    assert final.text not in log
    assert done.text not in log


async def test_the_stock_client_holds_a_typed_conversation() -> None:
    pipe = subprocess.PIPE
    async with serving() as server:
        command = [sys.executable, "-m", "websockets", server.url]
        client = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert client.stdin is not None
        assert client.stdout is not None
        for text, answer in (("what day is it", b"today is"), ("repeat after me: green", b"green")):
            client.stdin.write(f'{{"type":"text","text":"{text}"}}\n'.encode())
            said = await asyncio.wait_for(client.stdout.readuntil(b"reply_done"), PATIENCE_S)
            said += await asyncio.wait_for(client.stdout.readline(), PATIENCE_S)
            assert answer in said.lower()
        client.stdin.write(b'{"type":"end"}\n')
        output, _ = await asyncio.wait_for(client.communicate(), PATIENCE_S)
        assert b"1000" in output
        await server.stopped()
