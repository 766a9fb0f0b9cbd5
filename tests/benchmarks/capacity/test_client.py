import time
from http import HTTPStatus

import msgspec

from benchmarks.capacity.client import speak_all
from benchmarks.capacity.speaker import ClientConfig, Schedule, Speaker, Spoken
from benchmarks.tracks import Track
from clients.samples import Utterance
from tests.clients.scripted_server import PARTIAL, READY, Peer, scripted_server

PARTS = [Track(bytes(32_000), (Utterance("hello", 100, 600),))]
REFUSAL = '{"error": {"code": "at_capacity", "message": "full", "retryable": true, "retry_after_ms": 100}}'
WORD = msgspec.structs.replace(PARTIAL, seq=READY.seq + 1)


async def speaking(url: str, *speakers: Speaker, seconds: float) -> list[Spoken]:
    start_s = time.monotonic()
    return await speak_all(ClientConfig(url, "none", speakers), Schedule(start_s, start_s + seconds), PARTS)


async def breaks(peer: Peer) -> None:
    """Greets, hears a little, shows a word, and fails."""
    await peer.send(READY)
    for _ in range(3):
        peer.audio += await peer.socket.recv()  # type: ignore[arg-type]
    await peer.send(WORD)
    await peer.socket.close(1011)


async def test_a_lost_session_keeps_its_messages() -> None:
    async with scripted_server(breaks) as server:
        [spoken] = await speaking(server.url, Speaker(0, 0), seconds=3)
    assert "1011" in spoken.failure
    assert spoken.recording is not None
    assert [item.message for item in spoken.recording.received] == [WORD]
    assert len(spoken.late_ms) >= 3
    assert spoken.recording.sent_samples == 320 * len(spoken.late_ms)
    assert spoken.utterances[0].text == "hello"


async def test_every_speaker_has_a_session_that_only_transcribes() -> None:
    async with scripted_server(breaks) as server:
        spoken = await speaking(server.url, Speaker(0, 0), Speaker(0, 0.1), seconds=3)
        assert len(spoken) == len(server.peers) == 2
        assert all("reply=none" in path for path in server.paths)
    begins_s = [one.recording.begin_s for one in spoken if one.recording]
    assert 0.05 < begins_s[1] - begins_s[0] < 1


async def test_refused_clients_retry_at_the_time_of_the_server() -> None:
    async with scripted_server(refuse_with=(HTTPStatus.SERVICE_UNAVAILABLE, REFUSAL)) as server:
        [spoken] = await speaking(server.url, Speaker(0, 0), seconds=2.35)
    assert spoken.recording is None
    assert not spoken.failure
    assert 2 <= len(spoken.refusals_ms) <= 4
    assert all(0 < ms < 1000 for ms in spoken.refusals_ms)


async def test_an_unreachable_server_is_a_failure() -> None:
    [spoken] = await speaking("ws://127.0.0.1:1/v1/stream", Speaker(0, 0), seconds=3)
    assert "no voicegw server answers" in spoken.failure
