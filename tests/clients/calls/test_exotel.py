import base64
import json

import pytest

from clients.calls.carrier import Clear, Frame, Mark, Play
from clients.calls.exotel import ExotelCarrier
from clients.errors import ProtocolError

STREAM = {"stream_sid": "exotel-1"}


def media(size: int) -> str:
    payload = base64.b64encode(b"\1" * size).decode()
    return json.dumps({"event": "media", **STREAM, "media": {"payload": payload}})


def read(frame: Frame) -> list[object]:
    return list(ExotelCarrier().read(frame))


def test_audio_marks_and_clears_are_read() -> None:
    assert read(media(3_200)) == [Play(b"\1" * 3_200)]
    assert read(json.dumps({"event": "mark", **STREAM, "mark": {"name": "1"}})) == [Mark("1")]
    assert read(json.dumps({"event": "clear", **STREAM})) == [Clear()]


@pytest.mark.parametrize("size", [320, 3_210, 100_160])
def test_messages_of_other_sizes_are_rejected(size: int) -> None:
    with pytest.raises(ProtocolError):
        read(media(size))


def test_a_message_without_the_id_of_the_stream_is_rejected() -> None:
    with pytest.raises(ProtocolError):
        read('{"event": "clear"}')
