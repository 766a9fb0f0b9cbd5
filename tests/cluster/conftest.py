"""What tests against a real Redis share."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from redis.asyncio import Redis

from tests.cluster.harness import redis_options
from tests.observing import until
from tests.redis_server import RedisServer, free_port
from voicegw.cluster.redis import connect
from voicegw.cluster.redis.connect import RedisOptions


@pytest.fixture
async def absent_cluster() -> AsyncIterator[Redis]:
    """A client of a cluster of which no node answers."""
    client = connect.connect(RedisOptions(url=f"redis+cluster://127.0.0.1:{free_port()}"))
    yield client
    await connect.close(client)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """A connection to the Redis server of this test run."""
    client = connect.connect(redis_options(redis_url))
    await client.ping()
    yield client
    await connect.close(client)


@pytest.fixture
def new_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A node of a Cluster that has no slots yet and knows no other node."""
    directory = tmp_path_factory.mktemp("new-node")
    node = RedisServer(directory, {"cluster-enabled": "yes", "cluster-port": free_port()})
    node.start()
    yield node
    node.kill()


@pytest.fixture
async def cluster_url(tmp_path: Path) -> AsyncIterator[str]:
    """A Cluster of one node."""
    node = RedisServer(tmp_path, {"cluster-enabled": "yes", "cluster-port": free_port()})
    node.start()
    try:
        node.command("cluster", "addslotsrange", "0", "16383")
        await until(lambda: "cluster_state:ok" in node.command("cluster", "info"))
        yield f"redis+cluster://127.0.0.1:{node.port}"
    finally:
        node.kill()


@pytest.fixture
def sentinel_url(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Sentinel that watches the Redis server of this test, by the name of `main`."""
    watched = {"sentinel": f"monitor main 127.0.0.1 {redis_server.port} 1"}
    sentinel = RedisServer(tmp_path_factory.mktemp("sentinel"), watched, "--sentinel")
    sentinel.start()
    yield f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
    sentinel.kill()


@dataclass(frozen=True)
class Secured:
    """A server that takes TLS only, and clients with a certificate only; `files` are their RedisOptions."""

    url: str
    files: dict[str, Any]
    settings: dict[str, object]


@contextmanager
def secured_server(directory: Path, name: str = "127.0.0.1", **more: object) -> Iterator[Secured]:
    """A server with a certificate for `name`, and more settings."""
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(ca := str(directory / "ca.pem"))
    issued = authority.issue_cert(name)
    issued.private_key_and_cert_chain_pem.write_to_path(own := str(directory / "own.pem"))
    settings = {"port": 0, "tls-cert-file": own, "tls-key-file": own, "tls-ca-cert-file": ca}
    server = RedisServer(directory, {**settings, **more, "tls-port": port})
    server.start()
    options = {"tls_ca_file": ca, "tls_cert_file": own, "tls_key_file": own}
    yield Secured(f"rediss://127.0.0.1:{port}", options, settings)
    server.kill()


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    with secured_server(tmp_path) as secured:
        yield secured


@pytest.fixture
def secured_sentinel_url(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Sentinel of the secured server, which takes TLS only and asks for the password `watch`."""
    port, watched = free_port(), secured.url.rpartition(":")[2]
    settings = {
        **secured.settings,
        **{"tls-port": port, "tls-replication": "yes", "requirepass": "watch"},
        "sentinel": f"monitor main 127.0.0.1 {watched} 1",
    }
    sentinel = RedisServer(tmp_path_factory.mktemp("sentinel"), settings, "--sentinel")
    sentinel.start()
    yield f"rediss+sentinel://127.0.0.1:{port}/main"
    sentinel.kill()
