"""Groups of clients at a server with TLS, half of which stop reading or disconnect abruptly.

In each wave, the other half must be served, and no session may outlive its limits. In the end the server must
hold no more resources than before, and stop in time while the clients of the last wave are still connected.
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
from benchmarks.fuzz.unresponsive import UnresponsiveClient, normal_session, random_client
from benchmarks.raw_client import ConnectionFailed, RawClient
from benchmarks.server_under_test import ROOM
from clients.local_server import LocalServer, local_server

AT_ONCE = 16
WAVE = 200
WARM_UP = 1.0  # share of the campaign before the first footprint: the heap grows slowly
DRAIN_S = 3.0
LONGEST_S = 2.0 + 2.0 + 1.0  # the ping interval, the ping timeout, and the resume window
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
    "clients": "clients, half of which stop reading or disconnect abruptly at a random point",
    "not_served": "clients of the other half that were not served",
    "longest_s": f"from the last turn of a wave to its last session's end; limits allow {LONGEST_S:g} s",
    "stop_s": f"from SIGTERM to the exit, with connected clients; open turns get {DRAIN_S:g} s",
    "rss_before_mb": "the server's resident memory after as large a campaign, to warm up",
    "rss_after_mb": "the same after all of it",
    "leaks": "things of which the server holds more than then, beyond `--growth`",
}


@dataclass
class Wave:
    """A group of clients. held: the connections of the unresponsive ones."""

    held: list[RawClient] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Close these connections."""
        for connection in self.held:
            connection.socket.close()


@dataclass
class Findings:
    """The results of all waves."""

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


async def unresponsive_campaign(model: str, clients: int, seed: int, flags: Sequence[str] = ()) -> Findings:
    """`clients` clients in waves, at a server that is started for them. Raises ClientError."""
    async with AsyncExitStack() as stack:
        server, context = await stack.enter_async_context(_encrypted(model, flags))
        campaign = Campaign(server, context, seed)
        await asyncio.to_thread(campaign.waves, round(clients * WARM_UP))
        before = await asyncio.to_thread(campaign.measure)
        await asyncio.to_thread(campaign.waves, clients)
        after = await asyncio.to_thread(campaign.measure)
        left = await asyncio.to_thread(campaign.connect, min(WAVE, clients))
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
        """`clients` clients, one wave after another."""
        for begin in range(0, clients, WAVE):
            self._wave(min(WAVE, clients - begin))

    def _wave(self, clients: int) -> None:
        """One wave, until all its sessions have ended or a timeout."""
        with closing(self.connect(clients)) as wave:
            self.not_served += wave.problems
            busy_at, turns = time.monotonic(), -1.0
            while (seen := metrics(self._server.url, self._context))["voicegw_sessions"]:
                if seen["voicegw_turns_total"] > turns:  # messages are still being answered
                    busy_at, turns = time.monotonic(), seen["voicegw_turns_total"]
                if time.monotonic() - busy_at > 2 * (LONGEST_S + GRACE_S):
                    break
                time.sleep(POLL_S)
            self.longest_s = max(self.longest_s, time.monotonic() - busy_at)

    def connect(self, clients: int) -> Wave:
        """`clients` clients, half of which are unresponsive in the end."""
        wave = Wave()

        def leave(absent: UnresponsiveClient) -> None:
            try:
                wave.held.append(absent.run(self._server.url))
            except (ConnectionFailed, OSError) as error:
                wave.problems.append(f"{absent.point.value}, {absent.behaviour.value}: {error}")

        def stay() -> None:
            try:
                normal_session(self._server.url, self._context)
            except (ConnectionFailed, OSError) as error:
                wave.problems.append(f"a correct client: {error}")

        with ThreadPoolExecutor(AT_ONCE) as threads:
            pairs = [
                (threads.submit(leave, random_client(self._rng, self._context)), threads.submit(stay))
                for _ in range(clients // 2)
            ]
        for future in chain.from_iterable(pairs):
            future.result()  # raises unexpected exceptions
        return wave

    def measure(self) -> Footprint:
        """The footprint of the server."""
        return footprint(self._server.url, self._server.pid, self._context)

    def stop(self) -> float:
        """Stop the server; the time it took, at most a timeout."""
        os.kill(self._server.pid, signal.SIGTERM)
        began = time.monotonic()
        while _runs(self._server.pid) and time.monotonic() < began + 2 * (DRAIN_S + GRACE_S):
            time.sleep(POLL_S)
        return time.monotonic() - began


def _runs(pid: int) -> bool:
    return (Path("/proc") / str(pid)).exists()


@asynccontextmanager
async def _encrypted(model: str, flags: Sequence[str]) -> AsyncIterator[tuple[LocalServer, ssl.SSLContext]]:
    """A server with TLS, and the context of a client that trusts its certificate."""
    authority, context = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(context)
    certificate = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "certificate.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(file)
        tls = ("--tls-cert", str(file), "--tls-key", str(file))
        async with local_server("--model", model, *ROOM, *LIMITS, *tls, *flags) as server:
            yield server, context
