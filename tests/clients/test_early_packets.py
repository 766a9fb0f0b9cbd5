import pytest

from clients.audiosocket import SLIN, Kind, Packet
from clients.early_packets import KEPT_S, EarlyPackets

BYTES_PER_MS = 16  # at 8 kHz
KEY = Packet(Kind.DTMF, b"1")


def audio_of(early: EarlyPackets) -> bytes:
    return b"".join(packet.content for packet in early if packet.kind == SLIN)


@pytest.mark.parametrize("length", [1, 320, 321, 1_000])
def test_the_newest_audio_stays_in_whole_samples(length: int) -> None:
    audio = bytes(number % 251 for number in range(40_000 - length))
    early = EarlyPackets(Packet(SLIN, audio[:length]))
    for begin in range(length, len(audio), length):
        early.add(Packet(SLIN, audio[begin : begin + length]))
    early.drop_before(100)
    kept = audio_of(early)
    assert 100 * BYTES_PER_MS - 2 < len(kept) <= 100 * BYTES_PER_MS
    assert audio.endswith(kept)
    assert (len(audio) - len(kept)) % 2 == 0


def test_no_audio_may_be_left() -> None:
    early = EarlyPackets(Packet(SLIN, bytes(321)))
    early.drop_before(0)
    assert audio_of(early) == b""


def test_all_keys_stay_in_order_and_before_later_audio() -> None:
    early = EarlyPackets(Packet(SLIN, bytes(1_600)))
    early.add(KEY)
    early.add(Packet(SLIN, bytes(1_600)))
    early.add(Packet(Kind.DTMF, b"2"))
    early.drop_before(50)
    assert list(early) == [KEY, Packet(SLIN, bytes(800)), Packet(Kind.DTMF, b"2")]


def test_not_everything_is_kept() -> None:
    early = EarlyPackets(Packet(SLIN, bytes(320)))
    for _ in range(2 * KEPT_S * 50):
        early.add(Packet(SLIN, bytes(320)))
    assert len(audio_of(early)) == KEPT_S * 1000 * BYTES_PER_MS
