"""Real speech by the protocols of other recognisers, through a whole server with the bundled model."""

import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from wyoming.asr import Transcribe, Transcript, TranscriptChunk
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient

from tests.live import LiveServer, live_server
from tests.observing import PATIENCE_S
from tests.speech import pcm, said, single_utterances, word_error_rate
from voicegw.dialects import native, vosk
from voicegw.wyoming.options import WyomingOptions
from voicegw.wyoming.server import WyomingServer

RATE = 16_000
SAMPLE = single_utterances()[1]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with live_server() as server:
        yield server


async def test_a_file_is_sent_as_by_the_test_client_of_vosk_server(server: LiveServer) -> None:
    results = []
    audio, size = pcm(SAMPLE, RATE) + bytes(2 * RATE), RATE // 5 * 2
    async with connect(server.url.replace(native.PATH, vosk.PATH), proxy=None) as socket:
        await socket.send(json.dumps({"config": {"sample_rate": RATE}}))
        for begin in range(0, len(audio), size):
            await socket.send(audio[begin : begin + size])
            results.append(json.loads(await socket.recv()))
        await socket.send('{"eof" : 1}')
        results.append(json.loads(await socket.recv()))
    text = " ".join(filter(None, (result.get("text") for result in results)))
    assert word_error_rate(said(SAMPLE), text) <= 0.2, text
    assert any(result.get("partial") for result in results)
    words = [word for result in results for word in result.get("result", ())]
    assert [word["word"] for word in words] == text.split()
    assert all(0 <= word["start"] < word["end"] <= len(audio) / 2 / RATE for word in words)


async def test_a_wyoming_client_gets_streamed_text(server: LiveServer) -> None:
    wyoming = WyomingServer(WyomingOptions(url=server.url, port=0), None)
    host, _, port = (await wyoming.start()).removeprefix("tcp://").rpartition(":")
    shape = {"rate": RATE, "width": 2, "channels": 1}
    async with AsyncTcpClient(host, int(port), read_timeout=PATIENCE_S) as client:
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(**shape).event())
        audio = pcm(SAMPLE, RATE)
        for begin in range(0, len(audio), 2048):
            await client.write_event(AudioChunk(**shape, audio=audio[begin : begin + 2048]).event())
        await client.write_event(AudioStop().event())
        chunks = []
        while (event := await client.read_event()) is not None and not Transcript.is_type(event.type):
            chunks += [TranscriptChunk.from_event(event).text] if TranscriptChunk.is_type(event.type) else []
    assert event is not None
    text = Transcript.from_event(event).text
    assert word_error_rate(said(SAMPLE), text) <= 0.2, text
    assert text == "".join(chunks)
    await wyoming.stop()
