"""The measurements: servers and clients in separate processes, servers on one core and clients on another."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from benchmarks.child_process import ChildProcess, child_process
from benchmarks.gateway.requests import AttemptResults, ConnectAttempts, Stream, StreamResult
from benchmarks.scripted_gateway import State
from clients.audio import FRAME_S

SERVERS: Mapping[str, tuple[str, ...]] = {
    "bare": ("--bare",),
    "gateway": ("--vad", "none"),
    "gateway_vad": ("--vad", "webrtc"),
}
Outcome = TypeVar("Outcome")

LEAD_S = 0.5  # from a request to its first frame
EDGE_S = 0.3  # before and after the measured time, while all sessions stream
TAIL_S = 0.1  # for a server to process the last frames
SETTLE_S = 2.0  # after sessions were opened or closed
FIRST_SESSIONS = 50  # opened and closed before memory is measured


@dataclass(frozen=True)
class Cost:
    """CPU time of the server for one frame, and how late the client was in sending them."""

    frame_us: float
    late_p99_ms: float


@asynccontextmanager
async def server(kind: str, *arguments: str) -> AsyncIterator[ChildProcess]:
    """One of SERVERS, on the first core that this process may use."""
    async with child_process("benchmarks.scripted_gateway", *SERVERS[kind], *arguments) as process:
        process.pin(min(os.sched_getaffinity(0)))
        yield process


@asynccontextmanager
async def load(of: ChildProcess, sessions: int, *, calls: bool = False) -> AsyncIterator[ChildProcess]:
    """A client process with open sessions, on the last core. calls: they are telephone calls."""
    url = of.first_line.removeprefix("listening on ")
    kind = ("--calls",) if calls else ()
    async with child_process(
        "benchmarks.gateway.client", "--url", url, "--sessions", str(sessions), *kind
    ) as process:
        process.pin(max(os.sched_getaffinity(0)))
        yield process


async def state(of: ChildProcess, request: bytes = b"state") -> State:
    """The resources that the server has used."""
    return await of.ask(request, State)


async def stream(client: ChildProcess, seconds: float, every_s: float = FRAME_S) -> StreamResult:
    """Streams after a short delay."""
    start_s = time.monotonic() + LEAD_S
    return await _request(client, Stream(start_s, start_s + seconds, every_s), StreamResult)


async def _request(
    client: ChildProcess, request: Stream | ConnectAttempts, outcome: type[Outcome]
) -> Outcome:
    return await client.ask(msgspec.json.encode(request), outcome, request.end_s - time.monotonic())


async def frame_cost(of: ChildProcess, client: ChildProcess, seconds: float) -> Cost:
    """The server's CPU time from before the first frame to after the last, over the frames."""
    before = await state(of)
    streamed = await stream(client, seconds)
    await asyncio.sleep(TAIL_S)
    after = await state(of)
    return Cost(1e6 * (after.cpu_s - before.cpu_s) / streamed.frames, streamed.late_p99_ms)


async def frame_costs(
    sessions: int, seconds: float, repeats: int, *, calls: bool = False
) -> dict[str, list[Cost]]:
    """The costs of all kinds of server, alternating, so that other load affects all equally."""
    costs: dict[str, list[Cost]] = {kind: [] for kind in SERVERS}
    async with AsyncExitStack() as stack:
        servers = {kind: await stack.enter_async_context(server(kind)) for kind in SERVERS}
        clients = {
            kind: await stack.enter_async_context(load(one, sessions, calls=calls))
            for kind, one in servers.items()
        }
        for _ in range(repeats):
            for kind, one in servers.items():
                costs[kind].append(await frame_cost(one, clients[kind], seconds))
    return costs


async def loop_lags_ms(sessions: int, seconds: float) -> tuple[float, ...]:
    """The lag of the event loop while the sessions stream, with voice activity detection."""
    async with server("gateway_vad") as one, load(one, sessions) as client:
        await stream(client, 2 * EDGE_S)
        await state(one, b"watch")
        await stream(client, seconds)
        return (await state(one)).lags_ms


@dataclass(frozen=True)
class Memory:
    """Resident bytes for each connection: open and idle, and after it has streamed."""

    idle_bytes: float
    active_bytes: float


async def memory(kind: str, connections: int, seconds: float) -> Memory:
    """The resident memory that many connections add to the server. Each streams `seconds` of speech, more
    slowly if there are many."""
    async with server(kind) as one:
        async with load(one, FIRST_SESSIONS) as client:
            await stream(client, seconds)
        empty = await _settled(one)
        async with load(one, connections) as client:
            idle = await _settled(one)
            slower = max(1.0, connections / 200)
            await stream(client, seconds * slower, FRAME_S * slower)
            active = await state(one)
    each = [(taken.rss_bytes - empty.rss_bytes) / connections for taken in (idle, active)]
    return Memory(*each)


async def _settled(of: ChildProcess) -> State:
    await asyncio.sleep(SETTLE_S)
    return await state(of)


async def refusals(capacity: int, seconds: float) -> AttemptResults:
    """Connection attempts at a full server whose sessions stream; for each two sessions, one per second."""
    async with (
        server("gateway_vad", "--max-sessions", str(capacity)) as one,
        load(one, capacity) as inside,
        load(one, 0) as outside,
    ):
        streaming = asyncio.create_task(stream(inside, seconds + 2 * EDGE_S))
        start_s = time.monotonic() + LEAD_S + EDGE_S
        attempts = round(capacity / 2 * seconds)
        refused = await _request(
            outside, ConnectAttempts(start_s, start_s + seconds, attempts), AttemptResults
        )
        await streaming
    return refused
