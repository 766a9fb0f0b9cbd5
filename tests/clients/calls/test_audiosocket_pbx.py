import pytest

from clients.audiosocket import SLIN, Kind, Packet
from clients.calls.audiosocket_pbx import AudioSocketCarrier
from clients.calls.carrier import Play
from clients.errors import ProtocolError

PIECE = b"\1\0" * 160


def test_audio_is_read() -> None:
    assert list(AudioSocketCarrier().read(Packet(SLIN, PIECE).encoded())) == [Play(PIECE)]


@pytest.mark.parametrize(
    "packet", [Packet(Kind.ERROR, b"\1"), Packet(SLIN, PIECE[:-2]), Packet(0x12, PIECE), Packet(SLIN, b"")]
)
def test_what_asterisk_would_not_play_is_an_error(packet: Packet) -> None:
    with pytest.raises(ProtocolError):
        list(AudioSocketCarrier().read(packet.encoded()))
