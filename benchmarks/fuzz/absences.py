"""Crowds of which half stop reading or vanish, at a server with TLS, and what it does about them.

Wave after wave: the other half must be served, no session may outlive its limits, and in the end the server
must hold what it held before, and stop in time with the last wave's clients still there.
"""

import asyncio
import os
import signal
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from random import Random

import trustme

from benchmarks.footprint import Footprint, footprint, metrics
from benchmarks.fuzz.absent import Absent, converse, drawn
from benchmarks.raw_client import Broken, RawClient
from benchmarks.server_under_test import ROOM
from clients.local_server import LocalServer, local_server

AT_ONCE = 16
WAVE = 200
WARM_UP = 1.0  # of the campaign, before the footprint that is compared: the heap takes long to fill
DRAIN_S = 3.0
LONGEST_S = 2.0 + 2.0 + 1.0  # a ping, the wait for its answer, and for the client to come back
GRACE_S = 5.0
POLL_S = 0.1
LIMITS = (
    *("--gateway.connection.send-timeout-ms", "2000"),
    *("--gateway.connection.max-outbox-bytes", "200000"),
    *("--gateway.connection.ping-interval-ms", "2000"),
    *("--gateway.connection.ping-timeout-ms", "2000"),
    *("--gateway.drain-timeout-ms", str(round(DRAIN_S * 1000))),
)
MEANINGS = {
    "clients": "half of which stop reading or vanish at a random point of a session's life",
    "not_served": "of the other half, not served",
    "longest_s": f"from a wave's last turn until its last session was gone; limits allow {LONGEST_S:g} s",
    "stop_s": f"from SIGTERM to the exit, with some more still there; open turns get {DRAIN_S:g} s",
    "rss_before_mb": "the server's resident memory after as large a campaign, to warm up",
    "rss_after_mb": "the same after all of it",
    "leaks": "things of which the server holds more than then, beyond `--growth`",
}


@dataclass
class Wave:
    """What became of some clients. held: the connections of those who are absent."""

    held: list[RawClient] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Closes what is held."""
        for wire in self.held:
            wire.socket.close()


@dataclass
class Findings:
    """Of all waves."""

    clients: int
    before: Footprint
    after: Footprint
    not_served: list[str]
    longest_s: float
    stop_s: float

    def problems(self, growth: float) -> list[str]:
        """What must not happen, one line each."""
        late = [f"a session was there for {self.longest_s:.1f} s"] * (self.longest_s > LONGEST_S + GRACE_S)
        slow = [f"it took {self.stop_s:.1f} s to stop"] * (self.stop_s > DRAIN_S + 2)
        return [*self.not_served, *late, *slow, *self.after.exceeds(self.before, growth)]

    def figures(self, growth: float) -> dict[str, float]:
        """As they are reported."""
        return {
            "clients": self.clients,
            "not_served": len(self.not_served),
            "longest_s": self.longest_s,
            "stop_s": self.stop_s,
            "rss_before_mb": self.before.rss_bytes / 2**20,
            "rss_after_mb": self.after.rss_bytes / 2**20,
            "leaks": len(self.after.exceeds(self.before, growth)),
        }


async def absences(model: str, clients: int, seed: int, flags: Sequence[str] = ()) -> Findings:
    """So many clients, in waves, at a server of its own. Raises ClientError."""
    async with AsyncExitStack() as stack:
        server, context = await stack.enter_async_context(_encrypted(model, flags))
        campaign = Campaign(server, context, seed)
        await asyncio.to_thread(campaign.waves, round(clients * WARM_UP))
        before = await asyncio.to_thread(campaign.look)
        await asyncio.to_thread(campaign.waves, clients)
        after = await asyncio.to_thread(campaign.look)
        left = await asyncio.to_thread(campaign.crowd, min(WAVE, clients))
        stack.callback(left.close)
        stop_s = await asyncio.to_thread(campaign.stop)
    return Findings(clients, before, after, campaign.not_served + left.problems, campaign.longest_s, stop_s)


class Campaign:
    """The waves at one server."""

    def __init__(self, server: LocalServer, context: ssl.SSLContext, seed: int) -> None:
        self.not_served: list[str] = []
        self.longest_s = 0.0
        self._server = server
        self._context = context
        self._rng = Random(seed)

    def waves(self, clients: int) -> None:
        """So many clients, one wave after the other."""
        for begin in range(0, clients, WAVE):
            self._wave(min(WAVE, clients - begin))

    def _wave(self, clients: int) -> None:
        """A crowd, until all its sessions are gone, or far too long."""
        with closing(self.crowd(clients)) as crowd:
            self.not_served += crowd.problems
            busy_at, turns = time.monotonic(), -1.0
            while (seen := metrics(self._server.url, self._context))["voicegw_sessions"]:
                if seen["voicegw_turns_total"] > turns:  # what was sent is still being answered
                    busy_at, turns = time.monotonic(), seen["voicegw_turns_total"]
                if time.monotonic() - busy_at > 2 * (LONGEST_S + GRACE_S):
                    break
                time.sleep(POLL_S)
            self.longest_s = max(self.longest_s, time.monotonic() - busy_at)

    def crowd(self, clients: int) -> Wave:
        """So many clients, half of whom are absent in the end."""
        wave = Wave()

        def leave(absent: Absent) -> None:
            try:
                wave.held.append(absent.run(self._server.url))
            except (Broken, OSError) as trouble:
                wave.problems.append(f"{absent.point.value}, {absent.way.value}: {trouble}")

        def stay() -> None:
            try:
                converse(self._server.url, self._context)
            except (Broken, OSError) as trouble:
                wave.problems.append(f"one who behaved: {trouble}")

        with ThreadPoolExecutor(AT_ONCE) as threads:
            pairs = [
                (threads.submit(leave, drawn(self._rng, self._context)), threads.submit(stay))
                for _ in range(clients // 2)
            ]
        for future in chain.from_iterable(pairs):
            future.result()  # raises what was not foreseen
        return wave

    def look(self) -> Footprint:
        """What the server holds."""
        return footprint(self._server.url, self._server.pid, self._context)

    def stop(self) -> float:
        """Has the server stop; how long it took, or far too long."""
        os.kill(self._server.pid, signal.SIGTERM)
        began = time.monotonic()
        while _runs(self._server.pid) and time.monotonic() < began + 2 * (DRAIN_S + GRACE_S):
            time.sleep(POLL_S)
        return time.monotonic() - began


def _runs(pid: int) -> bool:
    return (Path("/proc") / str(pid)).exists()


@asynccontextmanager
async def _encrypted(model: str, flags: Sequence[str]) -> AsyncIterator[tuple[LocalServer, ssl.SSLContext]]:
    """A server with a certificate, and what trusts it."""
    authority, context = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(context)
    certificate = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "certificate.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(file)
        tls = ("--tls-cert", str(file), "--tls-key", str(file))
        async with local_server("--model", model, *ROOM, *LIMITS, *tls, *flags) as server:
            yield server, context
