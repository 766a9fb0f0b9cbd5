import json
from typing import Any

import pytest

from clients.calls.carrier import Clear, Mark, Play
from clients.calls.plivo import PlivoCarrier
from clients.errors import ProtocolError

MEDIA = {"contentType": "audio/x-mulaw", "sampleRate": 8_000, "payload": "/w=="}


def read(event: str, **content: Any) -> list[object]:
    stream = "87654321-4321-4321-4321-cba987654321"
    return list(PlivoCarrier().read(json.dumps({"event": event, "streamId": stream, **content})))


def test_audio_checkpoints_and_clears_are_read() -> None:
    assert read("playAudio", media=MEDIA) == [Play(b"\0\0")]
    assert read("checkpoint", name="1") == [Mark("1")]
    assert read("clearAudio") == [Clear()]


@pytest.mark.parametrize(
    ("event", "content"),
    [
        ("playAudio", {"media": {**MEDIA, "sampleRate": 16_000}}),
        ("media", {"media": MEDIA}),
        ("clearAudio", {"streamId": "another"}),
    ],
)
def test_what_plivo_would_reject_is_an_error(event: str, content: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        read(event, **content)
