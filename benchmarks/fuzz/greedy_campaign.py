"""Greedy clients of all kinds at one server with its default limits, beside a reference client.

After a warm-up with the same traffic, the reference client speaks alone and beside them alternately, so that
other load of the machine affects both equally. Compared are its word latency alone and beside them, and the
memory of the server and its processes before and after.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Thread

from benchmarks.ceiling import Ceiling
from benchmarks.footprint import footprint, settled
from benchmarks.fuzz.greedy import KINDS, Client, meaning_of
from benchmarks.measures import percentile
from benchmarks.playing import play_all
from benchmarks.processes import busy_seconds, cpu_seconds, resident_bytes
from benchmarks.segments import timings
from benchmarks.server_under_test import PATIENT
from clients.local_server import LocalServer, local_server
from clients.samples import Sample
from voicegw import config

SETTLE_S = 60.0  # the server first processes a backlog of small frames
WATCH_EVERY_S = 0.5
MIN_WORDS = 0.9  # share of the words recognised when the reference client is alone
FLAGS = (*PATIENT, "--gateway.resume.window-ms", "5000")  # short: the benchmark waits for its end
MEANINGS = {
    "greedy_clients": "greedy clients of all kinds, in all rounds",
    **{f"{kind.__name__}_frames": f"sent: {meaning_of(kind)}" for kind in KINDS},
    **{f"{kind.__name__}_sessions": "sessions that these have opened" for kind in KINDS},
    "words_alone": "recognised words of the reference client when it was alone",
    "words_beside": "the same beside the greedy clients",
    "wel_p50_alone_ms": "from the end of a word until it is in its final place; alone",
    "wel_p50_beside_ms": "the same beside the greedy clients",
    "wel_p95_alone_ms": "the same as the first; 95 %",
    "wel_p95_beside_ms": "the same beside the greedy clients",
    "rise_percent": "of the latter over the former",
    "rss_before_mb": "resident memory of the server and its processes after a warm-up of the same traffic",
    "rss_peak_mb": "the maximum while the greedy clients were connected",
    "rss_after_mb": "after they have left and their sessions have ended",
    "growth_percent": "of the latter over the first",
    "most_sessions": "sessions at once, those that wait for their clients included",
    "ceiling_mb": "what the server may take with so many sessions by its options",
    "others_cores": "that other processes of the machine used meanwhile; many make latencies worthless",
}


@dataclass
class Watched:
    """The maxima."""

    rss_bytes: int = 0
    sessions: int = 0


@dataclass
class Findings:
    """The results. alone, beside: the word latencies of the reference client in ms."""

    clients: list[Client] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    before_bytes: int = 0
    after_bytes: int = 0
    ceiling_bytes: int = 0
    others_cores: float = 0.0
    watched: Watched = field(default_factory=Watched)

    @property
    def rise(self) -> float:
        """The relative increase of the p95 of the reference client."""
        return percentile(self.beside, 95) / percentile(self.alone, 95) - 1

    @property
    def growth(self) -> float:
        """The relative increase of the memory."""
        return self.after_bytes / self.before_bytes - 1

    def problems(self, rise: float, growth: float) -> list[str]:
        """What must not happen, one line each."""
        idle = [name for name, sent in self._by_kind(lambda client: client.sent).items() if not sent]
        missed = len(self.beside) < MIN_WORDS * len(self.alone)
        return [
            *(f"{name}: nothing was sent" for name in idle),
            *["fewer words of the reference client were recognised"] * missed,
            *[f"the p95 of the reference client rose by {self.rise:.0%}"] * (not self.rise <= rise),
            *[f"memory grew by {self.growth:.1%}"] * (self.growth > growth),
            *["memory exceeded its ceiling"] * (self.watched.rss_bytes > self.ceiling_bytes),
        ]

    def figures(self) -> dict[str, float]:
        """As they are reported."""
        latencies = {
            f"wel_p{percent}_{when}_ms": percentile(words, percent)
            for percent in (50, 95)
            for when, words in (("alone", self.alone), ("beside", self.beside))
        }
        return {
            "greedy_clients": len(self.clients),
            **{f"{name}_frames": count for name, count in self._by_kind(lambda one: one.sent).items()},
            **{f"{name}_sessions": count for name, count in self._by_kind(lambda one: one.sessions).items()},
            "words_alone": len(self.alone),
            "words_beside": len(self.beside),
            **latencies,
            "rise_percent": 100 * self.rise,
            "rss_before_mb": self.before_bytes / 2**20,
            "rss_peak_mb": self.watched.rss_bytes / 2**20,
            "rss_after_mb": self.after_bytes / 2**20,
            "growth_percent": 100 * self.growth,
            "most_sessions": self.watched.sessions,
            "ceiling_mb": self.ceiling_bytes / 2**20,
            "others_cores": self.others_cores,
        }

    def _by_kind(self, count: Callable[[Client], int]) -> dict[str, int]:
        counts = dict.fromkeys((client.kind.__name__ for client in self.clients), 0)
        for client in self.clients:
            counts[client.kind.__name__] += count(client)
        return counts


async def greedy_campaign(
    serve: Sequence[str], count: int, seed: int, seconds: float, samples: Sequence[Sample]
) -> Findings:
    """`count` greedy clients and none alternately, each for about `seconds`. serve: options of the server.
    Raises ClientError."""
    flags = (*FLAGS, *serve)
    async with local_server(*flags) as server:
        await _speak(server.url, samples)
        base = await asyncio.to_thread(resident_bytes, server.pid)
        async with _connected(server.url, count, f"{seed} to warm up"):
            await asyncio.sleep(seconds)
        findings = Findings(before_bytes=await _memory(server))
        began, others_s = time.monotonic(), _others_seconds()
        with _watching(server) as findings.watched:
            while not findings.clients or time.monotonic() < began + 2 * seconds:
                findings.alone += await _speak(server.url, samples)
                async with _connected(server.url, count, f"{seed}/{len(findings.clients)}") as clients:
                    findings.beside += await _speak(server.url, samples)
                findings.clients += clients
                findings.after_bytes = await _memory(server)
        findings.others_cores = (_others_seconds() - others_s) / (time.monotonic() - began)
    ceiling = Ceiling.of(config.load(flags))
    findings.ceiling_bytes = base + ceiling.total_bytes(findings.watched.sessions)
    return findings


def _others_seconds() -> float:
    """The processor time of all processes but this one and its descendants, the server among them."""
    return busy_seconds() - cpu_seconds(os.getpid())


async def _speak(url: str, samples: Sequence[Sample]) -> list[float]:
    """Streams all samples; the latency of each recognised word in ms."""
    played = await play_all(url, samples, streams=1, reply="none")
    return [ms for one in played for segment in one.compared[0] for ms in timings(segment, None).words]


@asynccontextmanager
async def _connected(url: str, count: int, seed: str) -> AsyncIterator[list[Client]]:
    """`count` clients, each in a thread, for the duration of the block."""
    clients = [Client(url, KINDS[number % len(KINDS)], Random(f"{seed}/{number}")) for number in range(count)]
    threads = [Thread(target=client.run, name=client.kind.__name__) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stop()
        for thread in threads:
            await asyncio.to_thread(thread.join)


@contextmanager
def _watching(server: LocalServer) -> Iterator[Watched]:
    """The maxima of the server during the block."""
    watched = Watched()
    watching = asyncio.create_task(_watch(server, watched), name="watch")
    try:
        yield watched
    finally:
        watching.cancel()


async def _watch(server: LocalServer, watched: Watched) -> None:
    while True:
        rss_bytes = await asyncio.to_thread(resident_bytes, server.pid)
        seen = await asyncio.to_thread(footprint, server.url, server.pid)
        watched.rss_bytes = max(watched.rss_bytes, rss_bytes)
        watched.sessions = max(watched.sessions, seen.sessions)
        await asyncio.sleep(WATCH_EVERY_S)


async def _memory(server: LocalServer) -> int:
    """The resident memory of the server and its processes after the end of all sessions."""
    await asyncio.to_thread(settled, lambda: footprint(server.url, server.pid), SETTLE_S)
    return await asyncio.to_thread(resident_bytes, server.pid)
