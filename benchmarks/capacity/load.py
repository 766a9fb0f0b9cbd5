"""Simultaneous speakers at a server, from a few client processes, and the CPU time of all processes."""

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from benchmarks.capacity.speaker import ClientConfig, Schedule, Speaker, Spoken
from benchmarks.playing import in_language
from benchmarks.processes import busy_seconds, cpu_seconds, resident_bytes
from clients.errors import ClientError
from clients.local_server import LocalServer
from clients.samples import Sample

SPEAKERS_PER_PROCESS = 16  # uses a small part of a core
LOAD_S = 60.0  # for a client process to start and read the samples, on a busy machine
LEAD_S = 3.0  # from the schedule to the first frame: to open the sessions
TAIL_S = 60.0  # from the end of the schedule to the end of the last utterance and its final


@dataclass(frozen=True)
class Cpu:
    """CPU seconds: of the server's gateway, its workers, the clients, and of all that the machine ran."""

    gateway_s: float
    workers_s: float
    clients_s: float
    machine_s: float

    @property
    def others_s(self) -> float:
        """Of other processes: this one, the system."""
        return self.machine_s - self.gateway_s - self.workers_s - self.clients_s

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(
            self.gateway_s - earlier.gateway_s,
            self.workers_s - earlier.workers_s,
            self.clients_s - earlier.clients_s,
            self.machine_s - earlier.machine_s,
        )


@dataclass(frozen=True)
class Run:
    """The results of all speakers. Only speech from `from_s` to `to_s`, on the monotonic clock, is evaluated;
    `cpu` was used in that time. memory_bytes: resident, of the server with its workers, at the end of it."""

    spoken: tuple[Spoken, ...]
    from_s: float
    to_s: float
    cpu: Cpu
    memory_bytes: int


@dataclass(frozen=True)
class Timing:
    """seconds: of steady state, after warm_up_s."""

    seconds: float
    warm_up_s: float


async def _nothing() -> None:
    pass


async def run(
    server: LocalServer,
    speakers: Sequence[Speaker],
    timing: Timing,
    reply: str,
    meanwhile: Callable[[], Awaitable[None]] = _nothing,
    samples: Sequence[Sample] = (),
) -> Run:
    """All speakers from the warm-up to the end, streaming the samples, which are in one language; `meanwhile`
    starts after the warm-up. Raises ClientError when a client process fails."""
    count = math.ceil(len(speakers) / SPEAKERS_PER_PROCESS)
    url = in_language(server.url, samples[0].language if samples else "")
    groups = [ClientConfig(url, reply, tuple(speakers[n::count]), tuple(samples)) for n in range(count)]
    async with _clients(groups) as clients:
        start_s = time.monotonic() + LEAD_S
        from_s = start_s + timing.warm_up_s
        to_s = from_s + timing.seconds
        speaking = asyncio.gather(*(_speak(client, Schedule(start_s, to_s)) for client in clients))
        try:
            await _until(from_s)
            before = _cpu(server, clients)
            await meanwhile()
            await _until(to_s)
            used, memory_bytes = _cpu(server, clients) - before, resident_bytes(server.pid)
            spoken = await asyncio.wait_for(speaking, TAIL_S)
        except TimeoutError:
            raise ClientError("a client process did not end") from None
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
    return Run(tuple(one for group in spoken for one in group), from_s, to_s, used, memory_bytes)


@asynccontextmanager
async def _clients(groups: Sequence[ClientConfig]) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """The client processes with their audio loaded; they are ended after the block."""
    clients: list[asyncio.subprocess.Process] = []
    try:
        for config in groups:
            clients.append(await _started(config))
        await asyncio.gather(*map(_loaded, clients))
        yield clients
    finally:
        for client in clients:
            if client.returncode is None:
                client.kill()
            await client.wait()


async def _started(config: ClientConfig) -> asyncio.subprocess.Process:
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.capacity.client"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    _tell(client, config)
    return client


async def _loaded(client: asyncio.subprocess.Process) -> None:
    assert client.stdout is not None
    try:
        line = await asyncio.wait_for(client.stdout.readline(), LOAD_S)
    except TimeoutError:
        raise ClientError(f"a client process was not ready in {LOAD_S:g} s") from None
    if line != b"loaded\n":
        raise ClientError("a client process failed to start")


async def _speak(client: asyncio.subprocess.Process, schedule: Schedule) -> list[Spoken]:
    _tell(client, schedule)
    output, _ = await client.communicate()
    if client.returncode:
        raise ClientError(f"a client process failed with status {client.returncode}")
    return msgspec.msgpack.decode(output, type=list[Spoken])


def _tell(client: asyncio.subprocess.Process, what: ClientConfig | Schedule) -> None:
    assert client.stdin is not None
    client.stdin.write(msgspec.json.encode(what) + b"\n")


def _cpu(server: LocalServer, clients: Sequence[asyncio.subprocess.Process]) -> Cpu:
    gateway_s = cpu_seconds(server.pid, descendants=False)
    clients_s = sum(cpu_seconds(client.pid, descendants=False) for client in clients)
    return Cpu(gateway_s, cpu_seconds(server.pid) - gateway_s, clients_s, busy_seconds())


async def _until(moment_s: float) -> None:
    await asyncio.sleep(max(0.0, moment_s - time.monotonic()))
