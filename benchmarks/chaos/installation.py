"""Redis, gateways and workers as real processes on this machine, which can be killed, paused and
restarted."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO

from benchmarks.relay import Relay, relay
from clients.errors import ServerFailed
from tests.redis_cluster import RedisClusterServers
from tests.redis_server import RedisServer, free_port

READY_S = 300.0  # loading and warming the model, on a busy machine
STOP_S = 20.0
LOG_TAIL_BYTES = 4000


class Member:
    """One `voicegw` process, which prints a line when it is ready. `start` starts it again after its end."""

    def __init__(self, log: IO[bytes], *arguments: str) -> None:
        self._command = (sys.executable, "-m", "voicegw.cli", *arguments)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> str:
        """Returns its line when it is ready. Raises ServerFailed."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # a process group of its own, with its recognition processes
        )
        assert process.stdout is not None
        try:
            line = (await asyncio.wait_for(process.stdout.readline(), READY_S)).decode()
        except TimeoutError:
            line = ""
        if not line:
            raise ServerFailed(f"{self._command[3]} did not start:\n{self._log_tail()}")
        return line.strip()

    def _log_tail(self) -> str:
        self._log.seek(0)
        return self._log.read()[-LOG_TAIL_BYTES:].decode(errors="replace")

    async def kill(self) -> None:
        """As `kill -9`; harmless when it has ended."""
        await self._end(signal.SIGKILL)

    async def leave(self) -> None:
        """As an orderly stop: SIGTERM, and killed if it takes too long."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(number)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """Stops it and its child processes (SIGSTOP); its connections stay open."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)


class Installation:
    """The running processes. redis: one server, which listens before the others start. cluster: a Redis
    Cluster, which gateways and workers use instead."""

    def __init__(
        self, redis: RedisServer, directory: Path, cluster: RedisClusterServers | None = None
    ) -> None:
        self.redis = redis
        self.cluster = cluster
        self.workers: list[Member] = []
        self.gateways: list[Member] = []
        self.urls: list[str] = []  # of the gateways, in their order
        self.relays: list[Relay] = []  # in front of the gateways, for their clients
        self._directory = directory
        self._stack = AsyncExitStack()

    @property
    def redis_url(self) -> str:
        """Of the Redis that gateways and workers use."""
        return self.redis.url if self.cluster is None else self.cluster.url

    async def add_worker(self, *flags: str) -> Member:
        """Start one more worker, with one process unless the options say otherwise."""
        member = self._member("worker", "--model", "bundled", "--workers", "1", *flags)
        self.workers.append(member)
        await member.start()
        return member

    async def add_gateway(self, *flags: str) -> Member:
        """Start one more gateway, on a port that it keeps when it is restarted."""
        member = self._member("serve", "--port", str(free_port()), *flags)
        self.gateways.append(member)
        match = re.search(r"ws://\S+", await member.start())
        assert match is not None
        self.urls.append(match[0])
        return member

    def _member(self, command: str, *flags: str) -> Member:
        name = f"{command}-{len(self.workers) + len(self.gateways)}.log"
        log = self._stack.enter_context((self._directory / name).open("w+b"))
        member = Member(log, command, "--redis", self.redis_url, *flags)
        self._stack.push_async_callback(member.kill)
        return member

    async def add_relays(self) -> list[str]:
        """Puts a relay in front of each gateway, which can reset the clients' connections; the relays'
        URLs."""
        self.relays = [await self._stack.enter_async_context(relay(url)) for url in self.urls]
        return [each.url for each in self.relays]

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def installation(
    workers: int = 2, gateways: int = 0, serve: Sequence[str] = (), *, cluster: bool = False
) -> AsyncIterator[Installation]:
    """All processes, ready, for the duration of the block. serve: options of the gateways; cluster: with a
    Redis Cluster. Redis keeps its data over a restart, except for the last second."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        redis = RedisServer(directory, {"appendonly": "yes"})
        redis.start()
        servers = RedisClusterServers(directory) if cluster else None
        made = Installation(redis, directory, servers)
        try:
            if servers is not None:
                await asyncio.to_thread(servers.start)
            await asyncio.gather(*[made.add_worker() for _ in range(workers)])
            for _ in range(gateways):
                await made.add_gateway(*serve)
            yield made
        finally:
            await made.close()
            redis.kill()
            if servers is not None:
                servers.kill()
