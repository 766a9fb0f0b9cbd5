import pytest

from clients.calls.asterisk import AsteriskJsonCarrier, AsteriskTextCarrier
from clients.calls.carrier import Carrier, Clear, Mark, Play
from clients.errors import ProtocolError

TEXT = {"mark": "MARK_MEDIA 1", "flush": "FLUSH_MEDIA", "audio": b"\xff" * 160}
JSON = {
    "mark": '{"command": "MARK_MEDIA", "correlation_id": "1"}',
    "flush": '{"command": "FLUSH_MEDIA"}',
    "audio": bytes(640),
}
both = pytest.mark.parametrize(
    ("carrier", "frames", "piece"),
    [(AsteriskTextCarrier(), TEXT, bytes(320)), (AsteriskJsonCarrier(), JSON, bytes(640))],
)


@both
def test_audio_marks_and_flushes_are_read(carrier: Carrier, frames: dict[str, bytes], piece: bytes) -> None:
    read = [one for name in ("audio", "mark") for one in carrier.read(frames[name])]
    assert read == [Play(piece), Mark("1")]
    [report] = carrier.played("1")
    assert isinstance(report, str)
    assert "MEDIA_MARK_PROCESSED" in report
    assert list(carrier.read(frames["mark"]))
    assert list(carrier.read(frames["flush"])) == [Clear()]
    assert list(carrier.played("1")) == []  # a flush forgets the marks


@both
def test_what_asterisk_would_drop_is_an_error(
    carrier: Carrier, frames: dict[str, bytes], piece: bytes
) -> None:
    for frame in (frames["audio"][:-1], bytes(128_000), "MARK_MEDIA " + "1" * 128, "STOP", "{"):
        with pytest.raises(ProtocolError):
            list(carrier.read(frame))
