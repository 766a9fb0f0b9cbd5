"""Clients of a Redis Cluster that depend on no other server than the one that has their keys.

The library's client for a Cluster asks one server for the keys of many commands, and needs that server when
it connects again after any error. So where one server is dead, commands to all others may fail.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ClusterDownError, ConnectionError, RedisError

Host = tuple[str, int]  # name or address, and port

_ERRORS = (RedisError, OSError, TimeoutError)


class SlotTable:
    """Asks which server has a slot: one of the seeds, which are servers of the Cluster, or of those that the
    last table had. arguments: of connections."""

    def __init__(self, seeds: tuple[Host, ...], arguments: Mapping[str, Any]) -> None:
        self._seeds = seeds
        self._nodes = list(seeds)
        self._arguments = arguments

    async def read(self) -> list[tuple[int, int, Host]]:
        """Each range of slots, with its last one, and the primary that has them. The known servers are asked
        in turn, those last that have failed to answer, or that do not know all slots, as one that was reset
        or has just joined; without a complete table, the most complete one counts. Raises REDIS_ERRORS."""
        incomplete: list[tuple[int, Host, Any]] = []
        for node in tuple(self._nodes):
            try:
                table = await self._ask(node)
            except _ERRORS:
                pass
            else:
                if (size := sum(last - first + 1 for first, last, *_ in table)) == REDIS_CLUSTER_HASH_SLOTS:
                    return self._learn(node, table)
                incomplete.append((size, node, table))
            if node in self._nodes:  # another read may have dropped it meanwhile
                self._nodes.remove(node)
                self._nodes.append(node)
        if not incomplete:
            raise ConnectionError("no server of the Redis Cluster answers")
        _, node, table = max(incomplete, key=lambda each: each[0])
        return self._learn(node, table)

    async def _ask(self, node: Host) -> Any:
        host, port = node
        client = Redis(host=host, port=port, **self._arguments)
        try:
            return await client.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
        finally:
            with suppress(*_ERRORS):
                await client.aclose()

    def _learn(self, asked: Host, table: Any) -> list[tuple[int, int, Host]]:
        found, known = [], list(self._seeds)
        for first, last, *servers in table:
            # A server without a name of its own is the one that was asked.
            addresses = [(_text(server[0]) or asked[0], int(server[1])) for server in servers]
            known += addresses
            found.append((int(first), int(last), addresses[0]))
        kept = [node for node in self._nodes if node in known]
        self._nodes = list(dict.fromkeys((*kept, *known)))
        return found


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _primary(table: list[tuple[int, int, Host]], key: str) -> Host:
    slot = key_slot(key.encode())
    for first, last, primary in table:
        if first <= slot <= last:
            return primary
    raise ClusterDownError(f"no server has slot {slot}")


class _SlotConnection(Connection):
    """Looks up its server whenever it connects."""

    def __init__(self, *, table: SlotTable, key: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._table = table
        self._key = key

    async def connect_check_health(
        self, check_health: bool = True, retry_socket_connect: bool = True
    ) -> None:
        """See AbstractConnection."""
        if not self.is_connected:
            self.host, self.port = _primary(await self._table.read(), self._key)
        await super().connect_check_health(check_health, retry_socket_connect)


class _SecureSlotConnection(_SlotConnection, SSLConnection):
    """The same with TLS."""


def client_of_slot(key: str, seeds: tuple[Host, ...], arguments: Mapping[str, Any]) -> Redis:
    """A client for keys of the slot of this key."""
    rest = {name: value for name, value in arguments.items() if name != "ssl"}
    kind = _SecureSlotConnection if arguments["ssl"] else _SlotConnection
    table = SlotTable(seeds, arguments)
    return Redis.from_pool(ConnectionPool(connection_class=kind, table=table, key=key, **rest))


class SlotClients:
    """A client for each primary, for keys of any slot. After an error of a client, `forget` lets the next
    look-up read the table again, as does a slot that no server has. Look-ups at the same time share one read;
    one that finds no server does not affect the others."""

    def __init__(self, seeds: tuple[Host, ...], arguments: Mapping[str, Any]) -> None:
        self._table = SlotTable(seeds, arguments)
        self._arguments = arguments
        self._slots: list[tuple[int, int, Host]] = []
        self._reading: asyncio.Task[list[tuple[int, int, Host]]] | None = None
        self._clients: dict[Host, Redis] = {}

    async def of(self, key: str) -> Redis:
        """The client of the server that has this key. Raises REDIS_ERRORS."""
        slots = self._slots
        if not slots:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(), name="slot table")
            slots = await asyncio.shield(self._reading)
        try:
            host, port = primary = _primary(slots, key)
        except ClusterDownError:
            if self._slots is slots:  # otherwise this table is forgotten already
                self.forget()
            raise
        if primary not in self._clients:
            self._clients[primary] = Redis(host=host, port=port, **self._arguments)
        return self._clients[primary]

    async def _read(self) -> list[tuple[int, int, Host]]:
        self._slots = await self._table.read()
        return self._slots

    def forget(self) -> None:
        """The table may be out of date."""
        self._slots = []

    async def close(self) -> None:
        """Closes the connections."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()
