from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.playing import play_all
from benchmarks.session import record
from clients.errors import ClientError
from clients.samples import Sample
from tests.clients.scripted_server import TURN, scripted_server


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """100 ms of silence."""
    soundfile.write(tmp_path / "sound.wav", np.zeros(1600), 16_000)
    return tmp_path / "sound.wav"


async def test_records_every_message_with_its_arrival(sound: Path) -> None:
    async with scripted_server() as server:
        recording = await record(server.url, sound)
    assert [item.message for item in recording.received] == list(TURN)
    arrivals = [item.at_s for item in recording.received]
    assert arrivals == sorted(arrivals)
    assert arrivals[0] >= recording.scheduled_s(80)
    assert (recording.sent_samples, recording.rate) == (1600, 16_000)
    assert len(server.peers[0].audio) == 3200


async def test_plays_each_sample_from_a_process_of_its_own(sound: Path) -> None:
    sample = Sample(str(sound), "clean", 100, ())
    async with scripted_server() as server:
        played = await play_all(server.url, [sample] * 3, streams=2)
    assert [len(one.recording.received) for one in played] == [len(TURN)] * 3
    assert len(server.peers) == 3


async def test_the_error_of_a_client_is_reported(sound: Path) -> None:
    sample = Sample(str(sound) + ".missing", "clean", 100, ())
    with pytest.raises(ClientError, match="cannot be read as audio"):
        await play_all("ws://127.0.0.1:1/v1/stream", [sample], streams=1)
