"""Where Redis is, and a client for it: one server, one behind Sentinel, or a Cluster, with or without TLS.

    redis://[user:password@]host[:port][/database]
    redis+sentinel://[user:password@]host[:port][,host[:port]...]/service[/database]
    redis+cluster://[user:password@]host[:port][,host[:port]...]

`rediss` in place of `redis` means TLS. With Sentinel, the user and the password are the server's.

Clients never retry by themselves: whether a command that may have been executed may be sent again is known
to its caller only. A blocking read takes a client of its own (`connect(options, blocks_ms=...)`): a cancelled
read would hand a connection that still blocks to the next caller.
"""

import asyncio
import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Connection, Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError

from voicegw.core.options import option
from voicegw.errors import ConfigurationError

_REDIS_PORT, _SENTINEL_PORT = 6379, 26379
_SCHEMES = {
    f"redis{tls}{kind}": (kind[1:], bool(tls)) for tls in ("", "s") for kind in ("", "+sentinel", "+cluster")
}


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """The Redis that gateways and workers share; without a URL, there is none."""

    url: str | None = field(
        default=None,
        repr=False,  # it may hold a password
        metadata={
            "description": "redis://, rediss:// (TLS), redis+sentinel:// or redis+cluster:// URL; "
            "none for one machine by itself"
        },
    )
    prefix: str = option("voicegw", "first part of every key's name: one for each installation")
    connect_timeout_ms: int = option(1000, "longest wait for a connection, TLS included", ge=10, le=60_000)
    timeout_ms: int = option(2000, "longest wait for an answer that does not block", ge=10, le=60_000)
    tls_ca_file: str | None = option(None, "certificates that sign the server's, PEM; none for the system's")
    tls_cert_file: str | None = option(None, "this machine's certificate, PEM, where Redis asks for one")
    tls_key_file: str | None = option(None, "the key of that certificate, PEM")


@dataclass(frozen=True, slots=True)
class Address:
    """What a Redis URL says. `kind`: "" for one server, "sentinel" or "cluster"; `service`: what Sentinel
    calls the master."""

    kind: str
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    service: str = ""
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """For logs: without user and password."""
        scheme = f"redis{'s' if self.tls else ''}{'+' if self.kind else ''}{self.kind}"
        hosts = ",".join(f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.hosts)
        path = [part for part in (self.service, str(self.database or "")) if part]
        return f"{scheme}://{'/'.join([hosts, *path])}"


def parse(url: str) -> Address:
    """The parts of a Redis URL. Raises ConfigurationError, which does not repeat the password."""
    try:
        return _parse(urlsplit(url))
    except ValueError as error:
        raise ConfigurationError(f"the Redis URL cannot be read: {error}") from None


def _parse(parts: SplitResult) -> Address:
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"it must begin with one of {', '.join(sorted(_SCHEMES))}")
    if parts.query or parts.fragment:
        raise ValueError("it takes no parameters; timeouts and TLS files are options of their own")
    kind, tls = _SCHEMES[parts.scheme]
    user, _, hosts = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    path = [unquote(part) for part in parts.path.split("/") if part]
    service = ""
    if kind == "sentinel":
        if not path:
            raise ValueError("Sentinel's name of the service is missing: .../service")
        service = path.pop(0)
    if len(path) > 1 or (path and (kind == "cluster" or not path[0].isdecimal())):
        raise ValueError("a Cluster has no databases" if kind == "cluster" else "a database is a number")
    default_port = _SENTINEL_PORT if kind == "sentinel" else _REDIS_PORT
    return Address(
        kind,
        tls,
        tuple(_host(host, default_port) for host in hosts.split(",")),
        service,
        int(path[0]) if path else 0,
        unquote(name) or None,
        unquote(password) or None,
    )


def _host(text: str, default_port: int) -> tuple[str, int]:
    one = urlsplit(f"//{text}")
    if not one.hostname:
        raise ValueError("a host is missing")
    return one.hostname, one.port or default_port


def connect(options: RedisOptions, *, blocks_ms: int = 0, single: bool = False) -> Redis:
    """A client, which connects when it is first used; `close` ends it.

    blocks_ms: how long the commands sent on it may block in Redis; the time limit is beyond that.
    single: with one connection for one command after the other, which does not cost the pool's care for each
    (one server only: Sentinel and Cluster have pools always).
    Raises ConfigurationError for a URL that cannot be read.
    """
    address = parse(options.url or "")
    arguments = _arguments(options, address, blocks_ms)
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        # The commands used here are the same on both, though they share no type.
        return cast(Redis, RedisCluster(startup_nodes=nodes, **arguments))
    if address.kind == "sentinel":
        del arguments["ssl"]
        timeouts = {name: value for name, value in arguments.items() if name.startswith("socket_")}
        sentinel = Sentinel(address.hosts, sentinel_kwargs=timeouts)  # type: ignore[no-untyped-call]
        master = sentinel.master_for(address.service, db=address.database, ssl=address.tls, **arguments)
        return _prompt(cast(Redis, master))
    [(host, port)] = address.hosts[:1]
    arguments |= {"host": host, "port": port, "db": address.database}
    if single:
        return _prompt(_OneConnection(single_connection_client=True, **arguments))
    return _prompt(Redis(**arguments))


def _arguments(options: RedisOptions, address: Address, blocks_ms: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_connect_timeout": options.connect_timeout_ms / 1000,
        "socket_timeout": (options.timeout_ms + blocks_ms) / 1000,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "ssl": address.tls,
    }
    if address.tls:
        arguments |= {
            "ssl_ca_certs": options.tls_ca_file,
            "ssl_certfile": options.tls_cert_file,
            "ssl_keyfile": options.tls_key_file,
        }
    return arguments


class _SendsByTimer(Connection):
    """A connection whose sending is limited by a timer. redis-py has `asyncio.wait_for`, which on Python 3.11
    makes a task of every sending: a fifth of what a command costs."""

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        limit_s, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit_s):
                await super().send_packed_command(command, check_health)
        except builtins.TimeoutError:
            raise TimeoutError("Redis did not take a command in time") from None
        finally:
            self.socket_timeout = limit_s


class _OneConnection(Redis):
    """A client with one connection, for one command after the other. It leaves out what redis-py has around
    every command for pools, for retries and for its own metrics: a third of what one costs that comes alone.
    """

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        connection = self.connection or (await self.initialize()).connection
        assert connection is not None, "initialize has made it"
        async with self._single_conn_lock:
            if not connection.is_connected:
                await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command(*args)
            return await self.parse_response(connection, args[0], **options)


def _prompt(client: Redis) -> Redis:
    """The client, with connections that send by a timer."""
    pool = client.connection_pool
    kind = pool.connection_class
    pool.connection_class = type(kind.__name__, (_SendsByTimer, kind), {})
    return client


async def close(client: Redis) -> None:
    """Closes the client's connections, those to Sentinel included."""
    await client.aclose()
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()
