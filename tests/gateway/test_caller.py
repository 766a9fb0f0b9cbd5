"""Connections that do not say what they want, over real sockets."""

import asyncio
import socket
import tracemalloc
from contextlib import AsyncExitStack, suppress

from tests.gateway.fakes import Gate, Stage, staged
from tests.observing import PATIENCE_S
from tests.peer import joined
from voicegw.gateway.caller import Doorstep, HandshakeOptions
from voicegw.gateway.limits import LimitOptions
from voicegw.telemetry import Metrics

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def doorstep(max_pending: int, per_address: int) -> Doorstep:
    options = HandshakeOptions(max_pending=max_pending, max_pending_per_address=per_address)
    return Doorstep(options, lambda peer: peer == "proxy", Metrics())


def test_so_many_of_one_address_and_no_more() -> None:
    door = doorstep(max_pending=100, per_address=2)
    assert [door.enter("a") for _ in range(3)] == [True, True, False]
    assert door.enter("b")
    for _ in range(2):
        door.leave("a")
    assert door.enter("a")


def test_behind_a_proxy_there_may_be_many() -> None:
    door = doorstep(max_pending=4, per_address=1)
    assert [door.enter("proxy") for _ in range(5)] == [True] * 4 + [False]


async def opened(stage: Stage, stack: AsyncExitStack, first: bytes = b"", **options: str) -> Streams:
    """A connection that has sent `first`; `local`: from which address."""
    connection = socket.socket()
    connection.bind((options.get("local", "127.0.0.1"), 0))
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", stage.port))
    reader, writer = await asyncio.open_connection(sock=connection)
    stack.callback(writer.close)
    writer.write(first)
    return reader, writer


async def ended(streams: Streams) -> None:
    """Waits until the server has ended the connection, with an answer or without."""
    with suppress(ConnectionError):
        await asyncio.wait_for(streams[0].read(), PATIENCE_S)


async def drip(streams: Streams) -> None:
    """Sends a header that never ends, a byte at a time."""
    with suppress(ConnectionError):
        while True:
            streams[1].write(b"x")
            await streams[1].drain()
            await asyncio.sleep(0.02)


async def test_a_request_that_never_ends_is_cut_off_and_others_get_in() -> None:
    gate = Gate(handshake=HandshakeOptions(timeout_ms=500))
    async with staged(gate=gate) as stage, AsyncExitStack() as stack:
        slow = [await opened(stage, stack, b"GET /v1/stream HTTP/1.1\r\nX: ") for _ in range(50)]
        dripping = [asyncio.create_task(drip(streams)) for streams in slow]
        async with joined(stage.url) as peer:
            await asyncio.gather(*map(ended, slow))
            await (await peer.socket.ping())
        await asyncio.gather(*dripping)


async def test_one_address_cannot_fill_the_doorstep() -> None:
    handshake = HandshakeOptions(max_pending_per_address=5)
    async with (
        staged(gate=Gate(handshake=handshake, limits=LimitOptions(exempt=()))) as stage,
        AsyncExitStack() as stack,
    ):
        held = [await opened(stage, stack, local="127.0.0.2") for _ in range(5)]
        await ended(await opened(stage, stack, local="127.0.0.2"))
        assert stage.value("handshakes_dropped_total") == 1
        async with joined(stage.url):
            pass
        held[0][1].write(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert b"200" in await asyncio.wait_for(held[0][0].readline(), PATIENCE_S)


async def test_finished_handshakes_make_room() -> None:
    async with staged(gate=Gate(handshake=HandshakeOptions(max_pending=1))) as stage:
        for _ in range(5):
            async with joined(stage.url):
                pass
        assert stage.value("handshakes_dropped_total") == 0


async def test_headers_without_end_are_refused() -> None:
    async with staged() as stage, AsyncExitStack() as stack:
        flood = b"GET /v1/stream HTTP/1.1\r\n" + b"X-Filler: y\r\n" * 1_000
        await ended(await opened(stage, stack, flood))
        await ended(await opened(stage, stack, b"GET /" + b"x" * 20_000))
        async with joined(stage.url):
            pass


async def test_what_is_read_takes_no_more_room_than_it_is_long() -> None:
    """asyncio's own buffers are of 256 KiB, which breaks the heap of a busy gateway into pieces."""
    loop = asyncio.get_running_loop()
    async with staged() as stage:
        with socket.create_connection(("127.0.0.1", stage.port), PATIENCE_S) as caller:
            caller.setblocking(False)
            tracemalloc.start()
            try:
                await loop.sock_sendall(caller, b"GET /healthz HTTP/1.1\r\n\r\n")
                answer = await asyncio.wait_for(loop.sock_recv(caller, 1_000), PATIENCE_S)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert b"200" in answer
    assert peak < 100_000
