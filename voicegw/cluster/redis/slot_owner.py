"""Connections to the server of a Redis Cluster that has one hash slot.

Clients of a shard need no other server. The library's client for a Cluster asks one server for the keys of
many commands and for its table when any server fails, so that one dead server fails commands to all others.
"""

import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, ConnectionError, RedisError

Host = tuple[str, int]  # name or address, and port


class SlotOwner:
    """Finds the primary of the slot of a key. seeds: servers of the Cluster; arguments: of connections."""

    def __init__(self, key: str, seeds: tuple[Host, ...], arguments: Mapping[str, Any]) -> None:
        self._slot = key_slot(key.encode())
        self._nodes = list(seeds)
        self._arguments = arguments

    async def find(self) -> Host:
        """Asks the known servers in turn, those first that have not failed to answer. Raises REDIS_ERRORS."""
        for node in tuple(self._nodes):
            try:
                return self._owner(node, await self._table(node))
            except (RedisError, OSError, TimeoutError):
                self._nodes.remove(node)
                self._nodes.append(node)
        raise ConnectionError("no server of the Redis Cluster answers")

    async def _table(self, node: Host) -> Any:
        host, port = node
        client = Redis(host=host, port=port, **self._arguments)
        try:
            return await client.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await client.aclose()

    def _owner(self, asked: Host, table: Any) -> Host:
        """The slot's primary. Also learns which servers there are."""
        found, known = None, set[Host]()
        for first, last, *servers in table:
            addresses = [(_text(server[0]) or asked[0], int(server[1])) for server in servers]
            known.update(addresses)
            if first <= self._slot <= last:
                found = addresses[0]
        new = list(known.difference(self._nodes))
        random.shuffle(new)
        self._nodes[len(self._nodes) :] = new
        if found is None:
            raise ClusterDownError(f"no server has slot {self._slot}")
        return found


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


class _SlotConnection(Connection):
    """Looks up its server whenever it connects."""

    def __init__(self, *, owner: SlotOwner, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._owner = owner

    async def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        """See AbstractConnection."""
        if not self.is_connected:
            self.host, self.port = await self._owner.find()
        await super().connect_check_health(check_health, retry_socket_connect)


class _SecureSlotConnection(_SlotConnection, SSLConnection):
    """The same with TLS."""


def client_of_slot(key: str, seeds: tuple[Host, ...], arguments: Mapping[str, Any]) -> Redis:
    """A client of the server that has this key, for keys of that slot. arguments: of connections."""
    rest = {name: value for name, value in arguments.items() if name != "ssl"}
    kind = _SecureSlotConnection if arguments["ssl"] else _SlotConnection
    owner = SlotOwner(key, seeds, arguments)
    return Redis.from_pool(ConnectionPool(connection_class=kind, owner=owner, **rest))
