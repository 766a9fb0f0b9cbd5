"""Real speech by the protocols of other recognisers, through a whole server with the bundled model."""

import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from tests.live import LiveServer, live_server
from tests.speech import pcm, said, single_utterances, word_error_rate
from voicegw.dialects import native, vosk

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
