"""Connections that do not say what they want, over real sockets."""

import asyncio
import socket
import time
import tracemalloc
from collections import Counter
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.frames import Opcode
from websockets.protocol import Event

from benchmarks.raw_client import encoded
from tests.gateway.fakes import Gate, Stage, staged
from tests.observing import PATIENCE_S, until
from tests.peer import joined
from voicegw.gateway.http import limited_connection
from voicegw.gateway.http.limited_connection import HandshakeLimiter, HandshakeOptions, LimitedConnection
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.session.runner import SessionRunner
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def limiter(max_pending: int, per_address: int) -> HandshakeLimiter:
    options = HandshakeOptions(max_pending=max_pending, max_pending_per_address=per_address)
    return HandshakeLimiter(options, lambda peer: "" if peer == "proxy" else peer, Metrics())


def test_so_many_of_one_address_and_no_more() -> None:
    handshakes = limiter(max_pending=100, per_address=2)
    assert [handshakes.acquire("a") for _ in range(3)] == [True, True, False]
    assert handshakes.acquire("b")
    for _ in range(2):
        handshakes.release("a")
    assert handshakes.acquire("a")


def test_behind_a_proxy_there_may_be_many() -> None:
    handshakes = limiter(max_pending=4, per_address=1)
    proxy = handshakes.address_of("proxy")
    assert [handshakes.acquire(proxy) for _ in range(5)] == [True] * 4 + [False]


def test_behind_a_proxy_a_connection_counts_for_its_client_once_that_is_known() -> None:
    handshakes = limiter(max_pending=4, per_address=1)
    proxy = handshakes.address_of("proxy")
    assert all(handshakes.acquire(proxy) for _ in range(3))
    assert [handshakes.move(proxy, client) for client in ("a", "a", "b")] == [True, False, True]
    for client in ("a", "a", "b"):
        handshakes.release(client)
    assert [handshakes.acquire(proxy) for _ in range(5)] == [True] * 4 + [False]


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


async def test_one_address_cannot_use_up_all_handshakes() -> None:
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
        with socket.create_connection(("127.0.0.1", stage.port), PATIENCE_S) as client:
            client.setblocking(False)
            tracemalloc.start()
            try:
                await loop.sock_sendall(client, b"GET /healthz HTTP/1.1\r\n\r\n")
                answer = await asyncio.wait_for(loop.sock_recv(client, 1_000), PATIENCE_S)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert b"200" in answer
    assert peak < 100_000


FRAMES = 4_000
FLOODS = {
    "samples": encoded(bytes(2)) * FRAMES,
    "pings": encoded(b"", Opcode.PING) * FRAMES,
    "pongs": encoded(b"", Opcode.PONG) * FRAMES,
    "fragments": encoded(b"", fin=False) + encoded(b"", Opcode.CONT, fin=False) * (FRAMES - 1),
}
READ_AT_ONCE = 4_096 // len(encoded(b""))


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_small_frames_are_read_at_a_rate(flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    take = LimitedConnection.process_event

    def count(one: LimitedConnection, event: Event) -> None:
        nonlocal taken
        taken += 1
        take(one, event)

    async with staged() as stage, joined(stage.url) as peer:
        monkeypatch.setattr(LimitedConnection, "process_event", count)
        began = time.monotonic()
        peer.socket.transport.write(flood)
        await until(lambda: taken >= 500)
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert taken <= 500 + READ_AT_ONCE + 500 * (time.monotonic() - began)
        peer.socket.transport.abort()


async def test_typed_messages_are_read_at_a_lower_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = encoded(b'{"type":"text","text":"hello"}', Opcode.TEXT)
    taken = 0
    take = SessionRunner.receive_message

    def count(host: SessionRunner) -> None:
        nonlocal taken
        taken += 1
        take(host)

    monkeypatch.setattr(SessionRunner, "receive_message", count)
    async with staged() as stage, joined(stage.url) as peer:
        began = time.monotonic()
        peer.socket.transport.write(typed * 500)
        await until(lambda: taken >= 25)
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert taken <= 25 + 4_096 // len(typed) + 25 * (time.monotonic() - began)
        peer.socket.transport.abort()


async def test_a_request_that_is_too_long_is_refused() -> None:
    async with staged() as stage, AsyncExitStack() as stack:
        reader, writer = await opened(stage, stack, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(5):
            writer.write(f"X-{number}: {'x' * 8_000}\r\n".encode())
        assert (await asyncio.wait_for(reader.readline(), PATIENCE_S)).startswith(b"HTTP/1.1 431 ")
        reader, _ = await opened(stage, stack, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), PATIENCE_S)).startswith(b"HTTP/1.1 200 ")


async def test_many_small_frames_leave_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turn, turns = 0, Counter[int]()
    receive = SessionRunner.receive_audio

    def count(host: SessionRunner, data: bytes, now: float) -> None:
        turns[turn] += 1
        receive(host, data, now)

    monkeypatch.setattr(SessionRunner, "receive_audio", count)
    async with staged() as stage, joined(stage.url) as peer:
        peer.socket.transport.write(encoded(bytes(2)) * 500)
        deadline = time.monotonic() + PATIENCE_S
        while turns.total() < 500:
            assert time.monotonic() < deadline
            turn += 1
            await asyncio.sleep(0)
    assert max(turns.values()) <= 32


async def test_pings_that_are_not_read_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_connection, "FRAMES_PER_S", 10_000)  # or it would take long
    ping = encoded(bytes(125), Opcode.PING)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        async with staged() as stage:
            client.connect(("127.0.0.1", stage.port))
            async with joined(stage.url, sock=client) as peer:
                [served] = stage.gateway._server.connections  # type: ignore[union-attr]
                server = served.transport.get_extra_info("socket")
                server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
                peer.socket.transport.pause_reading()
                peer.socket.transport.write(ping * 1_900)
                pong = await peer.socket.ping(b"last")
                await until(lambda: served.paused)
                for _ in range(20):
                    await asyncio.sleep(0.01)
                    assert served.transport.get_write_buffer_size() < 100_000
                peer.socket.transport.resume_reading()
                await asyncio.wait_for(pong, PATIENCE_S)
