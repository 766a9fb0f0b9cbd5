import base64
import json

import pytest

from clients.calls.carrier import Clear, Frame, Mark, Play
from clients.calls.telnyx import TelnyxCarrier
from clients.errors import ProtocolError


def media(payload: bytes) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(payload).decode()}})


def read(frame: Frame) -> list[object]:
    return list(TelnyxCarrier().read(frame))


def test_the_high_byte_of_a_sample_comes_first() -> None:
    assert read(media(b"\1\2" * 320)) == [Play(b"\2\1" * 320)]
    [frame] = TelnyxCarrier().packet(b"\2\1" * 320, 0)
    assert base64.b64decode(json.loads(frame)["media"]["payload"]) == b"\1\2" * 320


def test_marks_and_clears_are_read() -> None:
    assert read('{"event": "mark", "mark": {"name": "1"}}') == [Mark("1")]
    assert read('{"event": "clear"}') == [Clear()]


@pytest.mark.parametrize("samples", [319, 30 * 16_000 + 1])
def test_messages_that_are_too_short_or_too_long_are_rejected(samples: int) -> None:
    with pytest.raises(ProtocolError):
        read(media(bytes(2 * samples)))
