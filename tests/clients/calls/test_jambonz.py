import json

import pytest

from clients.calls.carrier import Clear, Mark, Play
from clients.calls.jambonz import JambonzCarrier
from clients.errors import ProtocolError

MARK = '{"type": "mark", "data": {"name": "%s"}}'
PIECE = b"\1\0" * 320


def reported(carrier: JambonzCarrier, name: str) -> object:
    [frame] = carrier.played(name)
    return json.loads(frame)["data"]


def test_audio_marks_and_clears_are_read() -> None:
    carrier = JambonzCarrier()
    read = [one for frame in (PIECE, MARK % "1", '{"type": "killAudio"}') for one in carrier.read(frame)]
    assert read == [Play(PIECE), Mark("1"), Clear()]


def test_a_mark_is_reported_as_played_or_cleared() -> None:
    carrier = JambonzCarrier()
    assert list(carrier.read(MARK % "1"))
    assert reported(carrier, "1") == {"name": "1", "event": "playout"}
    assert list(carrier.read(MARK % "2"))
    assert list(carrier.read('{"type": "killAudio"}'))
    assert reported(carrier, "2") == {"name": "2", "event": "cleared"}


def test_of_many_marks_the_last_ones_are_discarded() -> None:
    carrier = JambonzCarrier()
    assert sum(bool(list(carrier.read(MARK % number))) for number in range(40)) == 30


@pytest.mark.parametrize("frame", [b"", b"\0" * 641, "hello", "[]", '{"type": "streamAudio"}'])
def test_what_jambonz_would_reject_is_an_error(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        list(JambonzCarrier().read(frame))
