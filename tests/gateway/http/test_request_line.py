"""The first line decides who answers a connection."""

import asyncio

import pytest

from tests.gateway.fakes import staged
from tests.observing import PATIENCE_S
from voicegw.gateway.http.plain_http import MAX_REQUEST_BYTES
from voicegw.gateway.http.request_line import path_of

LINES = {
    b"POST /v1/audio/transcriptions HTTP/1.1\r": "/v1/audio/transcriptions",
    b"GET /v1/models?limit=1 HTTP/1.1\r": "/v1/models",
    b"GET /": "",
    b"\x16\x03\x01\x02": "",
    b"": "",
}


@pytest.mark.parametrize("line", LINES)
def test_the_path_in_a_line(line: bytes) -> None:
    assert path_of(line) == LINES[line]


async def answered(port: int, *pieces: bytes) -> bytes:
    """The status line of the response to a request that comes in pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(reader.readline(), PATIENCE_S)
    finally:
        writer.close()
        await writer.wait_closed()


PAGE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
REST = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("request_bytes", [PAGE, REST])
async def test_a_line_may_come_in_pieces(request_bytes: bytes) -> None:
    async with staged() as stage:
        for at in (1, 10, request_bytes.index(b"\n"), request_bytes.index(b"\n") + 1):
            status = await answered(stage.port, request_bytes[:at], request_bytes[at:])
            assert status == b"HTTP/1.1 200 OK\r\n"


async def test_a_line_without_an_end_is_refused() -> None:
    async with staged() as stage:
        assert b" 431 " in await answered(stage.port, b"GET /".ljust(MAX_REQUEST_BYTES + 1, b"x"))


async def test_who_leaves_in_the_line_is_no_longer_counted() -> None:
    async with staged() as stage:
        for _ in range(200):  # twice the limit of one address
            _, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            writer.write(b"GET /v1/mod")
            writer.close()
            await writer.wait_closed()
        assert await answered(stage.port, REST) == b"HTTP/1.1 200 OK\r\n"
