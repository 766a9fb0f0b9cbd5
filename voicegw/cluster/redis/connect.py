"""Where Redis is, and a client for it: one server, one behind Sentinel, or a Cluster, with or without TLS.

    redis://[user:password@]host[:port][/database]
    redis+sentinel://[user:password@]host[:port][,host[:port]...]/service[/database]
    redis+cluster://[user:password@]host[:port][,host[:port]...]

`rediss` in place of `redis` means TLS, to the Sentinels as well: an attacker in their place could name
another server. With Sentinel, the user and the password are the server's.

Clients never retry by themselves: whether a command that may have been executed may be sent again is known
to its caller only.
"""

from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, MovedError, ReadOnlyError, TimeoutError

from voicegw.cluster.redis.slots import SlotClients, client_of_slot
from voicegw.core.options import option
from voicegw.errors import ConfigurationError

MAX_SHARDS = 64
_CLUSTER_SHARDS = 3  # the fewest primaries that a Cluster has
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
    shards: int | None = option(
        None,
        "streams over which a gateway spreads its decode jobs: as many as a Cluster has primaries, or a "
        f"multiple; by default {_CLUSTER_SHARDS} with a Cluster, else 1",
        ge=1,
        le=MAX_SHARDS,
    )
    connect_timeout_ms: int = option(1000, "longest wait for a connection, TLS included", ge=10, le=60_000)
    timeout_ms: int = option(2000, "longest wait for an answer that does not block", ge=10, le=60_000)
    tls_ca_file: str | None = option(None, "certificates that sign the server's, PEM; none for the system's")
    tls_cert_file: str | None = option(None, "this machine's certificate, PEM, where Redis asks for one")
    tls_key_file: str | None = option(None, "the key of that certificate, PEM")
    sentinel_login: str | None = field(
        default=None,
        repr=False,
        metadata={"description": "user:password or :password that the Sentinels ask for; none for none"},
    )

    @property
    def shard_count(self) -> int:
        """The number of shards of the decode jobs. Raises ConfigurationError."""
        if self.shards is not None:
            return self.shards
        return _CLUSTER_SHARDS if parse(self.url or "").kind == "cluster" else 1


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a Redis URL. `kind`: "" for one server, "sentinel" or "cluster"; `service`: what Sentinel
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
        return _parse(url)
    except ValueError as error:
        raise ConfigurationError(f"the Redis URL cannot be read: {error}") from None


def _parse(url: str) -> Address:
    scheme, _, rest = url.strip().partition("://")  # urlsplit takes only one host in brackets
    if scheme.lower() not in _SCHEMES:
        raise ValueError(f"it must begin with one of {', '.join(sorted(_SCHEMES))}")
    if "?" in rest or "#" in rest:
        raise ValueError("it takes no parameters; timeouts and TLS files are options of their own")
    kind, tls = _SCHEMES[scheme.lower()]
    authority, _, names = rest.partition("/")
    path = [unquote(name) for name in names.split("/") if name]
    user, _, hosts = authority.rpartition("@")
    name, password = _login(user)
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
        name,
        password,
    )


def _login(text: str) -> tuple[str | None, str | None]:
    """User and password, as a URL has them."""
    name, _, password = text.partition(":")
    return unquote(name) or None, unquote(password) or None


def _host(text: str, default_port: int) -> tuple[str, int]:
    one = urlsplit(f"//{text}")
    if not one.hostname:
        raise ValueError("a host is missing")
    return one.hostname, one.port or default_port


def connect(options: RedisOptions, *, block_ms: int = 0, key: str = "") -> Redis:
    """A client with a pool, which connects when it is first used; `close` ends it. `block_ms`: the longest
    that a blocking command of this client waits in Redis, on top of the time limit. `key`: one of the keys
    that it is for, if they all share a hash slot; then it depends on no other server of a Cluster.

    Raises ConfigurationError for a URL that cannot be read.
    """
    address = parse(options.url or "")
    arguments = _arguments(options, address)
    arguments["socket_timeout"] += block_ms / 1000
    if address.kind == "cluster" and key:
        return client_of_slot(key, address.hosts, arguments)
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        # The commands used here are the same on both, though they share no type.
        return cast(Redis, RedisCluster(startup_nodes=nodes, **arguments))
    if address.kind == "sentinel":
        master = _sentinel(options, address).master_for(address.service, db=address.database, **arguments)
        return cast(Redis, master)
    [(host, port)] = address.hosts[:1]
    return Redis(host=host, port=port, db=address.database, **arguments)


class OneServer:
    """One client for keys of any slot, where there is no Cluster."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def of(self, key: str) -> Redis:
        """The client."""
        return self._client

    def forget(self) -> None:
        """There is nothing to look up again."""

    async def close(self) -> None:
        """Closes the connections."""
        await close(self._client)


def connect_to_all(options: RedisOptions) -> SlotClients | OneServer:
    """Clients for keys of any slot, each independent of other servers of a Cluster. Raises ConfigurationError
    for a URL that cannot be read."""
    address = parse(options.url or "")
    if address.kind == "cluster":
        return SlotClients(address.hosts, _arguments(options, address))
    return OneServer(connect(options))


def _sentinel(options: RedisOptions, address: Address) -> Sentinel:
    username, password = _login(options.sentinel_login or "")
    asked = replace(address, username=username, password=password)
    return Sentinel(address.hosts, sentinel_kwargs=_arguments(options, asked))  # type: ignore[no-untyped-call]


def _arguments(options: RedisOptions, address: Address) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        # No retries, but a connection is closed after these errors. A server that is read-only is no longer
        # the master, and the next connection may lead to the one that is; likewise one that has lost a slot.
        "retry": Retry(NoBackoff(), 0, (ConnectionError, TimeoutError, ReadOnlyError, MovedError)),
        "protocol": 2,
        "ssl": address.tls,
        "socket_connect_timeout": options.connect_timeout_ms / 1000,
        "socket_timeout": options.timeout_ms / 1000,
    }
    if address.tls:
        arguments |= {
            "ssl_check_hostname": True,
            "ssl_ca_certs": options.tls_ca_file,
            "ssl_certfile": options.tls_cert_file,
            "ssl_keyfile": options.tls_key_file,
        }
    return arguments


async def close(client: Redis) -> None:
    """Closes the client's connections, those to Sentinel included."""
    await client.aclose()
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()
