"""URLs, and clients for real servers: with a password, with TLS, behind Sentinel, as a Cluster of one."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ClusterDownError, ConnectionError

from tests.cluster.conftest import Secured, secured_server
from tests.cluster.harness import redis_client, redis_options
from tests.observing import PATIENCE_S
from tests.redis_server import RedisServer, free_port
from voicegw.cluster.redis.connect import Address, RedisOptions, close, connect, connect_to_all, parse
from voicegw.errors import ConfigurationError

LOCAL = ("127.0.0.1", 6379)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://127.0.0.1", Address("", False, (LOCAL,))),
        ("rediss://h:1/2", Address("", True, (("h", 1),), database=2)),
        ("redis://[::1]:7", Address("", False, (("::1", 7),))),
        ("redis://:p%40ss@h", Address("", False, (("h", 6379),), password="p@ss")),
        ("redis://me:p@h", Address("", False, (("h", 6379),), username="me", password="p")),
        ("redis+sentinel://a,b:1/main", Address("sentinel", False, (("a", 26379), ("b", 1)), "main")),
        ("rediss+sentinel://a/main/3", Address("sentinel", True, (("a", 26379),), "main", 3)),
        ("redis+cluster://a,b:1", Address("cluster", False, (("a", 6379), ("b", 1)))),
    ],
)
def test_what_a_url_says(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:6379", "http://h", "redis://", "redis://:secret@", "redis://:secret@h:x"),
        *("redis://:secret@h/name", "redis://:secret@h?db=1", "redis+sentinel://:secret@h"),
        *("redis+cluster://:secret@h/1", "redis+sentinel://:secret@h/main/x"),
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="Redis URL") as refused:
        parse(url)
    assert "secret" not in refused.value.message


def test_logs_and_reprs_hold_no_password() -> None:
    url = "rediss+sentinel://me:secret@a,[::1]:9/main/2"
    assert str(parse(url)) == "rediss+sentinel://a:26379,[::1]:9/main/2"
    assert "secret" not in repr(parse(url)) + repr(RedisOptions(url=url, sentinel_login=":secret"))


async def test_one_server(redis_url: str) -> None:
    async with redis_client(f"{redis_url}/3") as redis:
        assert await redis.set("a", "b")
        assert await redis.get("a") == b"b"
    async with redis_client(redis_url) as redis:
        assert await redis.get("a") is None


async def test_a_password(tmp_path: Path) -> None:
    guarded = RedisServer(tmp_path, {"requirepass": "secret"})
    guarded.start()
    guarded.command("-a", "secret", "acl", "setuser", "me", "on", ">mine", "+@all", "~*")
    try:
        for user in (":secret", "me:mine"):
            async with redis_client(f"redis://{user}@127.0.0.1:{guarded.port}") as redis:
                assert await redis.ping()
        async with redis_client(f"redis://:wrong@127.0.0.1:{guarded.port}") as redis:
            with pytest.raises(AuthenticationError):
                await redis.ping()
    finally:
        guarded.kill()


async def test_tls_trusts_who_it_is_told_to(secured: Secured) -> None:
    async with redis_client(secured.url, **secured.files) as redis:
        assert await redis.ping()
    async with redis_client(secured.url) as redis:
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await redis.ping()


async def test_a_certificate_for_another_name_is_not_taken(tmp_path: Path) -> None:
    with secured_server(tmp_path, "elsewhere.example") as other:
        async with redis_client(other.url, **other.files) as redis:
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await redis.ping()


async def test_sentinels_are_asked_by_tls_and_with_their_own_password(
    secured: Secured, secured_sentinel_url: str
) -> None:
    async with redis_client(secured_sentinel_url, sentinel_login=":watch", **secured.files) as redis:
        assert await redis.set("a", "b")
    async with redis_client(secured.url, **secured.files) as redis:
        assert await redis.get("a") == b"b"


@pytest.mark.parametrize("login", [None, ":wrong", "nobody:watch"])
async def test_sentinels_name_no_server_to_strangers(
    secured: Secured, secured_sentinel_url: str, login: str | None
) -> None:
    async with redis_client(secured_sentinel_url, sentinel_login=login, **secured.files) as redis:
        with pytest.raises(ConnectionError) as refused:
            await redis.ping()
    assert "watch" not in str(refused.value)


async def test_what_answers_without_tls_in_a_sentinels_place_names_no_server(sentinel_url: str) -> None:
    async with redis_client(sentinel_url.replace("redis", "rediss", 1), connect_timeout_ms=500) as redis:
        with pytest.raises(ConnectionError):
            await redis.ping()


async def test_the_master_that_sentinel_names(redis_server: RedisServer, sentinel_url: str) -> None:
    async with redis_client(f"{sentinel_url}/1") as redis:
        assert await redis.set("a", "b")
    async with redis_client(f"{redis_server.url}/1") as redis:
        assert await redis.get("a") == b"b"


async def test_a_cluster(cluster_url: str) -> None:
    async with redis_client(cluster_url) as redis:
        assert await redis.set("a", "b")
        assert await redis.get("a") == b"b"


async def test_a_cluster_with_tls(tmp_path: Path) -> None:
    settings = {"cluster-enabled": "yes", "cluster-port": free_port(), "tls-cluster": "yes"}
    with secured_server(tmp_path, "127.0.0.1", **settings) as secured:
        async with redis_client(secured.url, **secured.files) as node:
            await node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
        url = secured.url.replace("rediss", "rediss+cluster")
        options = replace(redis_options(url), **secured.files)
        for client in (connect(options, key="a"), await connect_to_all(options).of("a")):
            await until_served(client)
            assert await client.set("a", "b")
            await close(client)


async def until_served(client: Redis) -> None:
    """The node needs a moment to find that all slots are served."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(ClusterDownError):
                await client.get("a")
                return
            await asyncio.sleep(0.05)
