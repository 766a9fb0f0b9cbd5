import asyncio

import pytest

from clients.audiosocket import SLIN, Kind, Packet, PacketReader, read_packet


def fed(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


@pytest.mark.parametrize(
    ("packet", "encoded"),
    [
        (Packet(Kind.HANG_UP), b"\x00\x00\x00"),
        (Packet(Kind.UUID, bytes(range(16))), b"\x01\x00\x10" + bytes(range(16))),
        (Packet(Kind.DTMF, b"5"), b"\x03\x00\x015"),
        (Packet(SLIN, bytes(320)), b"\x10\x01\x40" + bytes(320)),
        (Packet(Kind.ERROR, b"\x01"), b"\xff\x00\x01\x01"),
    ],
)
async def test_packets_are_as_asterisk_documents(packet: Packet, encoded: bytes) -> None:
    assert packet.encoded() == encoded
    reader = fed(encoded + encoded)
    assert [await read_packet(reader) for _ in range(3)] == [packet, packet, None]


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    packet, stream = Packet(SLIN, b"audio"), asyncio.StreamReader()
    packets = PacketReader(stream)
    for byte in packet.encoded():
        stream.feed_data(bytes([byte]))
        if byte != packet.encoded()[-1]:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(packets.read(), 0.001)
    assert await packets.read() == packet


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x10\x01\x40", b"\x10\x01\x40\x00"])
async def test_a_connection_may_end_anywhere(data: bytes) -> None:
    assert await read_packet(fed(data)) is None
