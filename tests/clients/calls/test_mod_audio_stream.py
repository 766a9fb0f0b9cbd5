import base64
import json
from typing import Any

import pytest

from clients.calls.carrier import Clear, Play
from clients.calls.mod_audio_stream import AudioStreamCarrier
from clients.errors import ProtocolError

PIECE = b"\1\0" * 160


def audio(**changes: Any) -> str:
    data = {"audioDataType": "raw", "sampleRate": 8_000, "audioData": base64.b64encode(PIECE).decode()}
    return json.dumps({"type": "streamAudio", "data": {**data, **changes}})


def test_audio_and_clears_are_read() -> None:
    read = [
        one for frame in (audio(), PIECE, '{"type": "killAudio"}') for one in AudioStreamCarrier().read(frame)
    ]
    assert read == [Play(PIECE), Play(PIECE), Clear()]


@pytest.mark.parametrize("frame", [audio(sampleRate=16_000), audio(audioDataType="mp3"), '{"type": "mark"}'])
def test_what_the_module_would_not_play_is_an_error(frame: str) -> None:
    with pytest.raises(ProtocolError):
        list(AudioStreamCarrier().read(frame))
