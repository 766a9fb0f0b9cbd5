"""What becomes of commands when the server, the connection or the caller fails; with real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ReadOnlyError, ResponseError, TimeoutError

from tests.cluster.harness import redis_client
from tests.observing import until
from tests.redis_server import RedisServer, free_port
from voicegw.cluster.redis.monitor import REDIS_ERRORS


async def test_everyone_gets_the_reply_to_their_own_command(redis_url: str) -> None:
    async with redis_client(redis_url) as redis:
        asked = [f"{number}".encode() for number in range(50)]
        assert await asyncio.gather(*(redis.echo(each) for each in asked)) == asked


async def test_a_reply_that_nobody_waits_for_any_more_goes_to_nobody_else(redis_server: RedisServer) -> None:
    async with redis_client(redis_server.url, block_ms=5_000) as redis:
        waiting = asyncio.ensure_future(redis.blpop(["list"], 5))
        await until(lambda: "blocked_clients:1" in redis_server.command("info", "clients"))
        waiting.cancel()
        await asyncio.wait((waiting,))
        redis_server.command("rpush", "list", "late")
        assert await redis.echo("mine") == b"mine"


async def answers(redis: Redis) -> bool:
    """That the server answers, if need be at another try: a machine under load misses short timeouts."""
    for _ in range(100):
        with suppress(TimeoutError):
            return bool(await redis.ping())
    return False


async def test_a_server_that_does_not_answer(redis_server: RedisServer) -> None:
    async with redis_client(redis_server.url, timeout_ms=50) as redis:
        assert await answers(redis)
        redis_server.pause()
        with pytest.raises(TimeoutError):
            await redis.ping()
        redis_server.resume()
        assert await answers(redis)


async def test_a_server_that_takes_nothing(redis_server: RedisServer) -> None:
    async with redis_client(redis_server.url, timeout_ms=200) as redis:
        assert await answers(redis)
        redis_server.pause()
        # The latter before Python 3.12.9 and 3.13.2, whose `writelines` does not wait (CVE-2024-12254).
        with pytest.raises(TimeoutError, match=r"writing to socket|reading from"):
            await redis.set("a", bytes(32 << 20))  # more than the buffers between the two hold
        redis_server.resume()
        assert await answers(redis)


async def test_a_blocking_read_has_its_time_on_top(redis_url: str) -> None:
    async with redis_client(redis_url, block_ms=1_100, timeout_ms=1_000) as redis:
        assert await redis.blpop(["nothing"], 1.1) is None


async def test_a_server_that_goes_and_comes_back(redis_server: RedisServer) -> None:
    async with redis_client(redis_server.url, block_ms=5_000) as redis:
        waiting = asyncio.ensure_future(redis.blpop(["list"], 5))
        await until(lambda: "blocked_clients:1" in redis_server.command("info", "clients"))
        redis_server.kill()
        with pytest.raises(ConnectionError):
            await waiting
        with pytest.raises(ConnectionError):
            await redis.ping()
        redis_server.start()
        assert await redis.ping()


async def test_an_error_about_the_command_costs_no_connection(redis_url: str) -> None:
    async with redis_client(redis_url) as redis:
        connection = await redis.client_id()
        script = redis.register_script("return 'the script is new'")
        assert await script() == b"the script is new"
        with pytest.raises(ResponseError, match=r"^NOGROUP"):
            await redis.xreadgroup("g", "me", {"none": ">"})
        assert await redis.client_id() == connection


async def test_a_server_that_is_no_longer_the_master_is_left(redis_server: RedisServer) -> None:
    async with redis_client(redis_server.url) as redis:
        connection = await redis.client_id()
        redis_server.command("replicaof", "127.0.0.1", str(free_port()))
        with pytest.raises(ReadOnlyError):
            await redis.set("a", "b")
        assert await redis.client_id() != connection


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


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+PO"])
async def test_what_does_not_speak_as_redis_does_is_trouble(answer: bytes) -> None:
    async with speaker(answer) as (url, _), redis_client(url, timeout_ms=50) as redis:
        for _ in range(2):
            with pytest.raises(REDIS_ERRORS):
                await redis.ping()


async def test_a_reply_to_nothing_is_taken_for_no_other() -> None:
    async with speaker(b"+PONG\r\n") as (url, connections), redis_client(url) as redis:
        assert await redis.ping()
        connections[0].write(b"+STRAY\r\n")
        await asyncio.sleep(0.05)
        assert await redis.ping()
        assert len(connections) == 2
