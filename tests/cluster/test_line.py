"""Lines to real servers: with a password, TLS, Sentinel, a Cluster of one; and their troubles."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from tests.cluster.conftest import Secured
from tests.observing import until
from tests.redis_server import RedisServer, free_port
from voicegw.cluster.connect import RedisOptions
from voicegw.cluster.line import Line, new_line
from voicegw.cluster.link import TROUBLE

ADD = "return redis.call('XADD', KEYS[1], '*', 'a', ARGV[1])"


@asynccontextmanager
async def line(url: str, blocks_ms: int = 0, **options: object) -> AsyncIterator[Line]:
    made = new_line(RedisOptions(url=url, **options), blocks_ms=blocks_ms)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def assert_carries_streams(made: Line) -> None:
    """Replies are flat, by whatever way they come."""
    entry = await made.execute("XADD", "s", "*", "a", b"\xff", "b", 2)
    added = await made.evaluate(ADD, ["s"], "c")
    assert await made.execute("XREAD", "COUNT", 9, "STREAMS", "s", "0") == [
        [b"s", [[entry, [b"a", b"\xff", b"b", b"2"]], [added, [b"a", b"c"]]]]
    ]
    assert await made.execute("XREAD", "BLOCK", 1, "STREAMS", "s", added) is None


async def test_one_server(redis_url: str) -> None:
    async with line(redis_url) as made:
        await assert_carries_streams(made)
    async with line(f"{redis_url}/3") as made:
        assert await made.execute("GET", "s") is None


async def test_a_cluster(cluster_url: str) -> None:
    async with line(cluster_url) as made:
        await assert_carries_streams(made)


async def test_the_master_that_sentinel_names(redis_server: RedisServer, sentinel_url: str) -> None:
    async with line(f"{sentinel_url}/1") as made:
        await assert_carries_streams(made)
    async with line(f"{redis_server.url}/1") as made:
        assert await made.execute("XLEN", "s") == 2


async def test_a_password(tmp_path: Path) -> None:
    guarded = RedisServer(tmp_path, {"requirepass": "secret"})
    guarded.start()
    guarded.command("-a", "secret", "acl", "setuser", "me", "on", ">mine", "+@all", "~*")
    try:
        for user in (":secret", "me:mine"):
            async with line(f"redis://{user}@127.0.0.1:{guarded.port}") as made:
                assert await made.execute("PING") == b"PONG"
        async with line(f"redis://:wrong@127.0.0.1:{guarded.port}") as made:
            with pytest.raises(ResponseError, match="WRONGPASS"):
                await made.execute("PING")
    finally:
        guarded.kill()


async def test_tls_trusts_who_it_is_told_to(secured: Secured) -> None:
    async with line(secured.url, **secured.files) as made:
        assert await made.execute("ECHO", bytes(1 << 20)) == bytes(1 << 20)
    async with line(secured.url) as made:
        with pytest.raises(ssl.SSLError):
            await made.execute("PING")


async def test_everyone_gets_the_reply_to_their_own_command(redis_url: str) -> None:
    async with line(redis_url) as made:
        asked = [f"{number}".encode() for number in range(50)]
        assert await asyncio.gather(*(made.execute("ECHO", each) for each in asked)) == asked


async def test_a_reply_that_nobody_waits_for_any_more_goes_to_nobody_else(redis_server: RedisServer) -> None:
    async with line(redis_server.url, blocks_ms=5_000) as made:
        waiting = asyncio.create_task(made.execute("BLPOP", "list", 5))
        await until(lambda: "blocked_clients:1" in redis_server.command("info", "clients"))
        waiting.cancel()
        await asyncio.wait((waiting,))
        redis_server.command("rpush", "list", "late")
        assert await made.execute("ECHO", "mine") == b"mine"


async def test_a_server_that_does_not_answer(redis_server: RedisServer) -> None:
    async with line(redis_server.url, timeout_ms=50) as made:
        assert await made.execute("PING") == b"PONG"
        redis_server.pause()
        for words in (("PING",), ("SET", "a", bytes(32 << 20))):  # more than the buffers between the two hold
            with pytest.raises(TimeoutError):
                await made.execute(*words)
        redis_server.resume()
        assert await made.execute("PING") == b"PONG"


async def test_a_blocking_read_has_its_time_on_top(redis_url: str) -> None:
    async with line(redis_url, blocks_ms=150, timeout_ms=100) as made:
        assert await made.execute("BLPOP", "nothing", "0.15") is None


async def test_a_server_that_goes_and_comes_back(redis_server: RedisServer) -> None:
    async with line(redis_server.url, blocks_ms=5_000) as made:
        waiting = asyncio.create_task(made.execute("BLPOP", "list", 5))
        await until(lambda: "blocked_clients:1" in redis_server.command("info", "clients"))
        redis_server.kill()
        with pytest.raises(ConnectionError, match="Redis is gone"):
            await waiting
        with pytest.raises(ConnectionRefusedError):
            await made.execute("PING")
        redis_server.start()
        assert await made.execute("PING") == b"PONG"


async def test_an_error_about_the_command_costs_no_connection(redis_url: str) -> None:
    async with line(redis_url) as made:
        connection = await made.execute("CLIENT", "ID")
        assert await made.evaluate("return 'the script is new'", []) == b"the script is new"
        with pytest.raises(ResponseError, match=r"^NOGROUP"):
            await made.execute("XREADGROUP", "GROUP", "g", "me", "STREAMS", "none", ">")
        assert await made.execute("CLIENT", "ID") == connection


async def test_a_server_that_is_no_longer_the_master_is_left(redis_server: RedisServer) -> None:
    async with line(redis_server.url) as made:
        connection = await made.execute("CLIENT", "ID")
        redis_server.command("replicaof", "127.0.0.1", str(free_port()))
        with pytest.raises(ResponseError, match=r"^READONLY"):
            await made.execute("SET", "a", "b")
        assert await made.execute("CLIENT", "ID") != connection


@asynccontextmanager
async def speaker(answer: bytes) -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """What is no Redis, and always answers the same; its URL and its connections."""
    connections = list[asyncio.StreamWriter]()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.read(100):
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with listening:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}", connections


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+PONG\r\n+PONG\r\n", b"+PO"])
async def test_what_does_not_speak_as_redis_does_is_trouble(answer: bytes) -> None:
    async with speaker(answer) as (url, _), line(url, timeout_ms=50) as made:
        for _ in range(2):
            with pytest.raises(TROUBLE):
                await made.execute("PING")


async def test_a_reply_to_nothing_is_taken_for_no_other() -> None:
    async with speaker(b"+PONG\r\n") as (url, connections), line(url) as made:
        assert await made.execute("PING") == b"PONG"
        connections[0].write(b"+STRAY\r\n")
        await asyncio.sleep(0.05)
        assert await made.execute("PING") == b"PONG"
        assert len(connections) == 2
