"""`scripts/bench chaos soak`: groups of clients at one real server, round after round.

The groups are speakers, clients whose connections are reset and that resume, a thousand silent clients, slow
handshakes, floods of audio, and clients that do not read. After each round the server must hold what it held
after the first: no more memory, tasks, descriptors or processes, within 5 % (`--growth`). A reference client
speaks during all rounds, and its transcript must be the same as when it was alone.
"""

import argparse
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

from benchmarks.chaos.client_groups import SHARES
from benchmarks.command import Result, add_model, add_numbers, add_serve, chosen
from benchmarks.footprint import Footprint, footprint, settled
from benchmarks.raw_client import ConnectionFailed
from benchmarks.server_under_test import (
    REFERENCE_MEANINGS,
    ReferenceClient,
    add_reference,
    server_under_test,
)
from clients.samples import sample_named

SETTLE_S = 30.0
LEAST_ROUNDS = 2
MEANINGS = {
    "rounds": "rounds of all groups; the first one is the warm-up",
    "connections": "connections opened by the groups",
    "troubles": "groups that were not served correctly",
    **REFERENCE_MEANINGS,
    "leaks": "things of which the server holds more than after the first round, beyond `--growth`",
    "rss_first_mb": "the server's resident memory after the first round",
    "rss_last_mb": "the same after the last",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this case."""
    numbers = {
        "--minutes": (5.0, "duration"),
        "--idle-clients": (1000, "silent clients in a round"),
        "--seed": (1, "of the moments at which connections are reset"),
    }
    add_numbers(parser, numbers)
    add_reference(parser)
    add_model(parser)
    add_serve(parser)


async def run_case(options: argparse.Namespace) -> Result:
    """Groups that were not served, leaks and other transcripts are problems. Raises ClientError."""
    async with server_under_test(options.model, options.serve) as server:
        reference = ReferenceClient(server.url, sample_named(options.reference))
        await reference.speak_alone()
        soak = Soak(server.url, server.pid, options.idle_clients, options.seed)
        end_s = time.monotonic() + 60 * options.minutes
        while len(soak.footprints) < LEAST_ROUNDS or time.monotonic() < end_s:
            await reference.speak_during(soak.round)
            await asyncio.to_thread(soak.measure)
    first, *_, last = soak.footprints
    leaks = last.exceeds(first, options.growth)
    figures = {
        "rounds": len(soak.footprints),
        "connections": soak.connections,
        "troubles": len(soak.problems),
        **reference.figures,
        "leaks": len(leaks),
        "rss_first_mb": first.rss_bytes / 2**20,
        "rss_last_mb": last.rss_bytes / 2**20,
    }
    settings = chosen(options, "minutes", "idle_clients", "seed", "model", "serve")
    return Result(settings, figures, MEANINGS, [*soak.problems, *reference.problems, *leaks])


class Soak:
    """Rounds of all groups at the same time. footprints: after each round; problems: one line each."""

    def __init__(self, url: str, pid: int, silent: int, seed: int) -> None:
        self.connections = 0
        self.footprints: list[Footprint] = []
        self.problems: list[str] = []
        self._url = url
        self._pid = pid
        self._silent = silent
        self._seed = seed

    def round(self) -> None:
        """Runs all groups until each has been served."""
        with ThreadPoolExecutor(len(SHARES)) as threads:
            working = {
                group.__name__: threads.submit(
                    group, self._url, self._random(group.__name__), max(1, round(share * self._silent))
                )
                for group, share in SHARES.items()
            }
        for name, future in working.items():
            try:
                self.connections += future.result()
            except (AssertionError, ConnectionFailed, OSError) as problem:
                self.problems.append(f"round {len(self.footprints) + 1}, {name}: {problem}")

    def measure(self) -> None:
        """Adds what the server holds once the sessions of the round are gone."""
        self.footprints.append(settled(lambda: footprint(self._url, self._pid), SETTLE_S))

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}/{len(self.footprints)}/{name}")
