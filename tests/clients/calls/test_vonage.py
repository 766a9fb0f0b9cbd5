import json

import pytest

from clients.calls.carrier import Clear, Mark, Play
from clients.calls.vonage import VonageCarrier
from clients.errors import ProtocolError

PIECE = b"\1\0" * 320
NOTIFY = '{"action": "notify", "payload": {"name": "1"}}'


def test_audio_notifications_and_clears_are_read() -> None:
    carrier = VonageCarrier()
    played, mark, clear = (
        one for frame in (PIECE, NOTIFY, '{"action": "clear"}') for one in carrier.read(frame)
    )
    assert (played, clear) == (Play(PIECE), Clear())
    assert isinstance(mark, Mark)
    [frame] = carrier.played(mark.name)
    assert json.loads(frame) == {"event": "websocket:notify", "payload": {"name": "1"}}


@pytest.mark.parametrize("frame", [2 * PIECE, PIECE[:-2], '{"type": "killAudio"}'])
def test_what_vonage_would_reject_is_an_error(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        list(VonageCarrier().read(frame))
