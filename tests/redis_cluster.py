"""A real Redis Cluster on the loopback interface: three primaries, each with a replica that takes its place
when it is killed."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.redis_server import RedisServer, RedisUsage, free_port

PRIMARIES = 3
NODE_TIMEOUT_MS = 500  # after which a node that does not answer has failed for the others
SETTLE_S = 60.0
_SLOTS = 16384


class RedisClusterServers:
    """Six servers, each in a directory of its own. Without `full_coverage`, the others answer while one
    primary is away."""

    def __init__(self, directory: Path, *, replicas: bool = True, full_coverage: bool = False) -> None:
        self.nodes = [
            _node(directory / f"node-{number}", full_coverage)
            for number in range(PRIMARIES * (2 if replicas else 1))
        ]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Returns when every node knows the others, and every replica has the data of its primary."""
        for node in self.nodes:
            node.start()
        primaries, replicas = self.nodes[:PRIMARIES], self.nodes[PRIMARIES:]
        bounds = [round(_SLOTS * number / PRIMARIES) for number in range(PRIMARIES + 1)]
        for node, first, end in zip(primaries, bounds, bounds[1:], strict=False):
            node.command("cluster", "addslotsrange", str(first), str(end - 1))
        _until(self._met)
        for node, primary in zip(replicas, primaries, strict=False):
            identity = primary.command("cluster", "myid").strip()
            _until(partial(_replicate, node, identity))
        self.settle()

    def _met(self) -> bool:
        """Whether every node knows the others. Introduces them again if not: on a busy machine, that may have
        timed out."""
        if all(len(_table(node)) == len(self.nodes) for node in self.nodes):
            return True
        for node in self.nodes[1:]:
            address = str(node.port), str(node.settings["cluster-port"])
            self.nodes[0].command("cluster", "meet", "127.0.0.1", *address)
        return False

    def settle(self) -> None:
        """Returns when all slots are served, and every replica has the data of its primary."""
        _until(lambda: all(_settled(node) for node in self.nodes))

    def primaries(self) -> list[RedisServer]:
        """The running nodes that are primaries now."""
        return [node for node in self.nodes if node.running and "role:master" in _replication(node)]

    def usage(self) -> RedisUsage:
        """Of all nodes."""
        return sum((node.usage() for node in self.nodes), RedisUsage())

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


def _node(directory: Path, full_coverage: bool) -> RedisServer:
    directory.mkdir()
    settings = {
        "appendonly": "yes",
        "cluster-enabled": "yes",
        "cluster-port": free_port(),
        "cluster-node-timeout": NODE_TIMEOUT_MS,
        "cluster-require-full-coverage": "yes" if full_coverage else "no",
        "repl-diskless-sync-delay": 0,
    }
    return RedisServer(directory, settings)


def _table(node: RedisServer) -> list[str]:
    """The nodes that this one knows and has shaken hands with."""
    return [line for line in node.command("cluster", "nodes").splitlines() if "handshake" not in line]


def _replicate(node: RedisServer, primary: str) -> bool:
    """False while the node does not know the primary yet."""
    return "OK" in node.command("cluster", "replicate", primary)


def _replication(node: RedisServer) -> str:
    return node.command("info", "replication")


def _settled(node: RedisServer) -> bool:
    replication = _replication(node)
    linked = "role:master" in replication or "master_link_status:up" in replication
    return linked and "cluster_state:ok" in node.command("cluster", "info")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not condition():
        assert time.monotonic() < deadline, "the Cluster does not settle"
        time.sleep(0.05)
