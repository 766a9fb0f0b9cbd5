"""Clients of vosk-server through a real gateway: in lock step, a message and its answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import LOUD, SPOKEN, Gate, Stage, staged
from tests.observing import until
from voicegw.dialects import native, vosk

pytestmark = pytest.mark.usefixtures("virtual_clock")

RATE = 16_000
CHUNK = RATE // 5 * 2  # 0.2 s


@asynccontextmanager
async def client(path: str = "", **staging: Any) -> AsyncIterator[tuple[Stage, ClientConnection]]:
    async with staged(dialects=[vosk.VoskDialect()], **staging) as stage:
        url = stage.url.replace(native.PATH, vosk.PATH + path)
        async with connect(url, proxy=None, compression=None) as socket:
            yield stage, socket


async def result(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def configure(socket: ClientConnection, **config: object) -> None:
    await socket.send(json.dumps({"config": {"sample_rate": RATE, **config}}))


async def play(socket: ClientConnection, audio: bytes) -> list[dict[str, Any]]:
    """Sends audio in lock step, as fast as it is answered; the answers."""
    answers = []
    for begin in range(0, len(audio), CHUNK):
        await socket.send(audio[begin : begin + CHUNK])
        answers.append(await result(socket))
    return answers


async def test_partials_and_finals_are_answers_to_audio() -> None:
    async with client() as (_, socket):
        await configure(socket, words=0)
        answers = await play(socket, SPOKEN)
        assert answers[0] == {"partial": ""}
        assert answers.count({"text": "hello there"}) == 1
        assert answers.index({"partial": "hello there"}) < answers.index({"text": "hello there"})


async def test_the_end_is_answered_with_what_is_left() -> None:
    async with client() as (_, socket):
        await configure(socket)
        await play(socket, LOUD)
        await socket.send('{"eof" : 1}')
        assert (await result(socket))["text"] == "hello there"
        await socket.wait_closed()
    assert socket.close_code == 1000


async def test_a_file_longer_than_the_burst_takes_about_its_duration() -> None:
    async with client() as (stage, socket):
        await configure(socket)
        begin = asyncio.get_running_loop().time()
        await play(socket, SPOKEN * 8)
        assert 10 < asyncio.get_running_loop().time() - begin < 13
        [runner] = stage.gateway.sessions
        assert runner.record.session.next_input_sample == 8 * len(SPOKEN) // 2


async def test_a_recording_in_one_message_is_taken_in_real_time() -> None:
    async with client() as (stage, socket):
        await configure(socket)
        begin = asyncio.get_running_loop().time()
        await socket.send(SPOKEN * 8)
        assert "hello there" in (await result(socket))["text"]
        assert 10 < asyncio.get_running_loop().time() - begin < 13
        [runner] = stage.gateway.sessions
        assert runner.record.session.next_input_sample == 8 * len(SPOKEN) // 2
        await socket.send('{"eof" : 1}')
        assert "text" in await result(socket)
        await socket.wait_closed()
    assert socket.close_code == 1000


async def test_a_message_of_more_than_1_mib_ends_the_session() -> None:
    async with client() as (_, socket):
        await configure(socket)
        await socket.send(bytes(vosk.MAX_AUDIO_BYTES + 2))
        await socket.wait_closed()
    assert socket.close_code == 1009


async def test_messages_at_other_paths_are_read_as_far_as_without_vosk() -> None:
    async with (
        client() as (stage, _),
        connect(stage.url, subprotocols=[Subprotocol(native.SUBPROTOCOL)], proxy=None) as socket,
    ):
        await socket.send(bytes(native.NativeDialect().longest_read + 2))
        await socket.wait_closed()
        assert (socket.close_code, "exceeds limit" in (socket.close_reason or "")) == (1009, True)


async def test_a_reset_is_answered_with_the_utterance() -> None:
    async with client() as (_, socket):
        await configure(socket, words=0)
        await play(socket, LOUD)
        await socket.send('{"reset" : 1}')
        assert await result(socket) == {"text": "hello there"}
        await socket.send('{"reset" : 1}')
        assert await result(socket) == {"text": ""}
        assert await play(socket, bytes(CHUNK)) == [{"partial": ""}]


async def test_audio_may_come_without_a_configuration() -> None:
    async with client() as (stage, socket):
        await play(socket, bytes(2 * CHUNK))
        [runner] = stage.gateway.sessions
        assert runner.record.profile.rate == 8_000
        assert runner.record.session.next_input_sample == CHUNK


async def test_a_phrase_list_is_made_key_terms() -> None:
    async with client() as (stage, socket):
        await configure(socket, phrase_list=["hello there", "[unk]"])
        await play(socket, SPOKEN)
        assert stage.recognizer.jobs[0].key_terms == ("hello there",)


async def test_bad_audio_is_told_with_the_next_result() -> None:
    async with client() as (_, socket):
        await configure(socket)
        for audio in (b"\0", bytes(CHUNK)):
            await socket.send(audio)
        answers = [await result(socket) for _ in range(2)] + await play(socket, bytes(CHUNK))
        assert sum("error" in answer for answer in answers) == 1


async def test_a_client_that_never_reads_its_results_is_ended() -> None:
    """It gets long partials, which fill the buffers of the connection."""
    async with client(send_timeout_ms=200) as (stage, socket):
        stage.recognizer.text = "word " * 5_000
        socket.transport.pause_reading()
        await configure(socket)
        with suppress(ConnectionClosed):
            while not stage.value("session_ends_total", reason="slow_consumer"):
                await socket.send(LOUD[:CHUNK])
                await asyncio.sleep(0.1)
        await until(lambda: not list(stage.gateway.sessions))
        socket.transport.abort()


async def test_the_token_is_in_the_path() -> None:
    gate = Gate(tokens=OPTIONS)
    async with client(f"/{token(scope='reply:none')}", gate=gate) as (_, socket):
        await configure(socket)
        assert await play(socket, bytes(CHUNK)) == [{"partial": ""}]
    async with client("/nonsense", gate=gate) as (_, socket):
        await configure(socket)
        assert (await result(socket))["error"].startswith("token_invalid")
        await socket.wait_closed()
        assert socket.close_code == 1008
