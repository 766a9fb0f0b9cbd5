"""The limits of answers by HTTP, from a server that sends what a test says."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.observing import PATIENCE_S
from voicegw.errors import ToolFailed
from voicegw.reply.endpoints.http_client import http_client
from voicegw.reply.tools.mcp_http import limit_answers

MAX_BYTES = 10_000


@asynccontextmanager
async def server(body: bytes, headers: str = "") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Its URL, and the requests that it gets."""
    requests = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/", requests


async def asked(url: str, method: str = "POST") -> bytes:
    async with asyncio.timeout(PATIENCE_S), http_client(PATIENCE_S) as client:
        limit_answers(client, MAX_BYTES)
        return (await client.request(method, url)).content


async def test_an_answer_may_be_as_long_as_the_limit() -> None:
    async with server(MAX_BYTES * b"x") as (url, requests):
        assert await asked(url) == MAX_BYTES * b"x"
    assert b"accept-encoding: identity" in requests[0].lower()
    async with server((MAX_BYTES + 1) * b"x") as (url, _):
        with pytest.raises(ToolFailed, match="over 10000 bytes"):
            await asked(url)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_compressed_answer_is_not_expanded(method: str) -> None:
    small = gzip.compress(bytes(1_000_000))
    assert len(small) < MAX_BYTES
    async with server(small, "Content-Encoding: gzip\r\n") as (url, _):
        with pytest.raises(ToolFailed, match="compressed"):
            await asked(url, method)
