"""Whatever one client does, it hears why, it leaves nothing behind, and the session beside it goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.live import LiveServer, live_server
from tests.observing import children, until
from tests.peer import Peer, joined
from tests.speech import pcm, said, single_utterances, word_error_rate
from voicegw import errors
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.events import ReplyReason
from voicegw.dialects import native
from voicegw.errors import VoicegwError
from voicegw.gateway.session.connection import ConnectionOptions

SAMPLE = single_utterances()[0]
SPEECH = pcm(SAMPLE)
SECOND = bytes(32_000)
HELLO = native.TextMessage(text="hello")
ENDLESS = "x" * 4_000
LIMITS = ConnectionOptions(max_errors=10, max_outbox_bytes=200_000)
PATIENT = EndpointOptions(stall_ms=60_000)  # a busy machine may take long between two frames of a word

Offence = Callable[[Peer], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with live_server(LIMITS, PATIENT) as running:
        yield running


@asynccontextmanager
async def undisturbed(server: LiveServer) -> AsyncIterator[None]:
    """A session that is in mid-word when the block begins and has its whole turn after it; then nothing
    but what was there before may be left."""
    await until(lambda: server.value("sessions") == 0)
    tasks, processes = server.tasks(), children()
    async with joined(server.url) as other:
        await other.say(SPEECH[:32_000])
        yield
        server.llm.tokens = ("All", " well.")
        await other.say(SPEECH[32_000:])
        heard = (await other.until(native.FinalMessage)).text
        assert word_error_rate(said(SAMPLE), heard) <= 0.5
        assert (await other.until(native.ReplyDoneMessage)).text == "All well."
    await until(lambda: server.tasks() == tasks)
    assert children() == processes
    assert server.value("decode_queue") == 0


@dataclass(frozen=True)
class Case:
    """What is sent, and the error that answers it."""

    messages: tuple[str | bytes | native.Inbound, ...]
    error: type[VoicegwError]


CASES = {
    "an empty frame": Case((b"",), errors.OddByteCount),
    "odd byte count": Case((b"\0\0\0",), errors.OddByteCount),
    "JSON as binary": Case((b'{"type":"commit"}',), errors.WrongFrameKind),
    "audio as text": Case(("\0\1\0\1" * 80,), errors.MalformedMessage),
    "text that is not JSON": Case(("hello",), errors.MalformedMessage),
    "malformed JSON": Case(('{"type":"commit"',), errors.MalformedMessage),
    "JSON that is no object": Case(("[1,2]",), errors.MalformedMessage),
    "an empty text frame": Case(("",), errors.MalformedMessage),
    "no type": Case(('{"text":"x"}',), errors.MalformedMessage),
    "an unknown type": Case(('{"type":"sing"}',), errors.UnknownMessageType),
    "an unknown field": Case(('{"type":"commit","now":true}',), errors.MalformedMessage),
    "a field of the wrong kind": Case(('{"type":"text","text":7}',), errors.MalformedMessage),
    "a text that is empty": Case(('{"type":"text","text":""}',), errors.MalformedMessage),
    "a value out of range": Case((native.ConfigureMessage(end_silence_ms=1),), errors.InvalidValue),
    "text over 64 KiB": Case((f'{{"type":"text","text":"{"x" * 65_536}"}}',), errors.MessageTooBig),
    "audio over 64 KiB": Case((bytes(65_538),), errors.MessageTooBig),
    "audio too fast": Case((SECOND,) * 8, errors.AudioTooFast),
    "a flood of bad messages": Case(("x",) * 11, errors.TooManyErrors),
    "audio after the end": Case((HELLO, native.EndMessage(), SECOND), errors.InvalidState),
    "a message after the end": Case(
        (HELLO, native.EndMessage(), native.CommitMessage()), errors.InvalidState
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_is_answered_with_its_error_and_its_close_code(server: LiveServer, case: Case) -> None:
    ending = native.EndMessage() in case.messages  # it settles once its reply is over
    server.llm.first_token_delay_s = 0.5 if ending else 0.0
    async with undisturbed(server), joined(server.url) as peer:
        await peer.send(*case.messages)
        while (code := await peer.error()) != case.error.code:
            assert case.error is errors.TooManyErrors, code
        server.llm.first_token_delay_s = 0.0
        if case.error.close_code is not None:
            assert await peer.closed() == case.error.close_code
        elif ending:
            assert await peer.closed() == 1000
        else:
            await assert_typed_turn(server, peer)


async def assert_typed_turn(server: LiveServer, peer: Peer) -> None:
    """The session goes on."""
    server.llm.tokens = ("Hello", ".")
    await peer.send(HELLO)
    done = await peer.until(native.ReplyDoneMessage)
    assert (done.text, done.reason) == ("Hello.", ReplyReason.COMPLETED)


async def test_a_message_beyond_the_transports_limit_closes_at_once(server: LiveServer) -> None:
    async with undisturbed(server), joined(server.url) as peer:
        await peer.send(bytes(300_000))
        assert await peer.closed() == 1009


async def test_text_that_is_not_utf_8_closes_at_once(server: LiveServer) -> None:
    async with undisturbed(server), joined(server.url) as peer:
        await peer.socket.send(b"\xff\xfe", text=True)
        assert await peer.closed() == 1007


async def test_a_client_that_vanishes_in_mid_word(server: LiveServer) -> None:
    async with undisturbed(server), joined(server.url) as peer:
        await peer.say(SPEECH[:40_000])
        await peer.until(native.SpeechStartedMessage)
        peer.socket.transport.abort()


async def test_a_client_that_vanishes_in_mid_reply(server: LiveServer) -> None:
    async with undisturbed(server), joined(server.url) as peer:
        server.llm.tokens, server.llm.token_delay_s = ["x"] * 10_000, 0.05
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        peer.socket.transport.abort()
        await until(lambda: server.llm.exchanges[-1].disconnected)
        server.llm.token_delay_s = 0.0


async def test_a_client_that_does_not_read(server: LiveServer) -> None:
    before = server.value("session_ends_total", reason="slow_consumer") or 0
    async with undisturbed(server), joined(server.url, max_queue=1) as peer:
        server.llm.tokens = [ENDLESS] * 15_000
        await peer.send(HELLO)
        await until(lambda: server.llm.exchanges and server.llm.exchanges[-1].disconnected)
        await until(lambda: server.value("session_ends_total", reason="slow_consumer") == before + 1)
        late = 1006  # for a client that reads only when the closing handshake is over
        assert await peer.closed() in (errors.SlowConsumer.close_code, late)
        assert len(peer.of(native.ReplyDeltaMessage)) < 15_000


async def test_many_bad_clients_at_once(server: LiveServer) -> None:
    async def misbehave(case: Case) -> None:
        async with joined(server.url) as peer:
            await peer.send(*case.messages)
            peer.socket.transport.abort()

    async with undisturbed(server):
        await asyncio.gather(*(misbehave(case) for case in CASES.values()))
