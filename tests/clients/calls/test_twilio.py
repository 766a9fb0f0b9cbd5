import json

import pytest

from clients.calls.carrier import Clear, Mark, Play
from clients.calls.twilio import STREAM, TwilioCarrier
from clients.errors import ProtocolError


def test_marks_audio_and_clears_are_read() -> None:
    carrier = TwilioCarrier()
    messages = (
        {"event": "media", "media": {"payload": "/w=="}},
        {"event": "mark", "mark": {"name": "1"}},
        {"event": "clear"},
    )
    read = [*(one for each in messages for one in carrier.read(json.dumps({**each, "streamSid": STREAM})))]
    assert read == [Play(b"\0\0"), Mark("1"), Clear()]


@pytest.mark.parametrize(
    "frame", [b"\xff", "[]", '{"event": "clear"}', json.dumps({"event": "playAudio", "streamSid": STREAM})]
)
def test_what_twilio_would_reject_is_an_error(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        list(TwilioCarrier().read(frame))
