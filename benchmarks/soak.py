"""Crowds at one real server, again and again: speakers, clients that are cut off and come back, a thousand
that are silent, some that dawdle over their request, flood, or do not read.

After each round the server must hold what it held after the first: no more memory, tasks, descriptors or
processes, within 5 % (`--growth`). A neighbour speaks all the while, and is to be heard as when it was alone.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from benchmarks.arguments import add_json, add_model, add_serve, new_parser
from benchmarks.crowds import SHARES
from benchmarks.footprint import Footprint, footprint, settled
from benchmarks.report import report
from benchmarks.subject import Neighbour, sample_named, subject
from benchmarks.wire import Broken
from clients.errors import ClientError

GROWTH = 0.05
SETTLE_S = 30.0
LEAST_ROUNDS = 2
MEANINGS = {
    "rounds": "of all crowds, the first of them to warm up",
    "connections": "opened by the crowds",
    "troubles": "crowds that were not served as they must be",
    "neighbour_heard": "times the neighbour said the same meanwhile",
    "neighbour_different": "times it was not heard as when it was alone",
    "leaks": "things of which the server holds more than after the first round, beyond `--growth`",
    "rss_first_mb": "the server's resident memory after the first round",
    "rss_last_mb": "the same after the last",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rounds; the exit status is 1 when anything was found."""
    parser = new_parser("soak", __doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=5.0, help="how long (default: %(default)g)")
    add("--crowd", type=int, default=1000, metavar="N", help="silent ones in a round (default: %(default)s)")
    add("--seed", type=int, default=1, help="when clients are cut off (default: %(default)s)")
    add("--growth", type=float, default=GROWTH, help="share that counts as none (default: %(default)s)")
    add("--neighbour", default="conversation.wav", metavar="FILE", help="the sample it says (%(default)s)")
    add_model(parser)
    add_json(parser)
    add_serve(parser)
    options = parser.parse_args(argv)
    try:
        troubles = asyncio.run(_run(options))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


async def _run(options: argparse.Namespace) -> list[str]:
    """What was found, in words. Raises ClientError."""
    async with subject(options.model, options.serve) as server:
        neighbour = Neighbour(server.url, sample_named(options.neighbour))
        await neighbour.speak_alone()
        soak = Soak(server.url, server.pid, options.crowd, options.seed)
        end_s = time.monotonic() + 60 * options.minutes
        while len(soak.footprints) < LEAST_ROUNDS or time.monotonic() < end_s:
            await _beside(neighbour, soak.round)
            await asyncio.to_thread(soak.look)
    first, *_, last = soak.footprints
    leaks = last.exceeds(first, options.growth)
    figures = {
        "rounds": len(soak.footprints),
        "connections": soak.connections,
        "troubles": len(soak.troubles),
        "neighbour_heard": neighbour.heard,
        "neighbour_different": len(neighbour.different),
        "leaks": len(leaks),
        "rss_first_mb": first.rss_bytes / 2**20,
        "rss_last_mb": last.rss_bytes / 2**20,
    }
    settings = {name: getattr(options, name) for name in ("minutes", "crowd", "seed", "model", "serve")}
    report("soak", settings, figures, MEANINGS, options.json)
    return [*soak.troubles, *(f"the neighbour was heard as {heard}" for heard in neighbour.different), *leaks]


async def _beside(neighbour: Neighbour, work: Callable[[], None]) -> None:
    over = asyncio.Event()
    speaking = asyncio.create_task(neighbour.speak_on(over))
    try:
        await asyncio.to_thread(work)
    finally:
        over.set()
        await speaking


class Soak:
    """Rounds of all crowds at once. footprints: after each; troubles: in words."""

    def __init__(self, url: str, pid: int, crowd: int, seed: int) -> None:
        self.connections = 0
        self.footprints: list[Footprint] = []
        self.troubles: list[str] = []
        self._url = url
        self._pid = pid
        self._crowd = crowd
        self._seed = seed

    def round(self) -> None:
        """All crowds, until each has been served."""
        with ThreadPoolExecutor(len(SHARES)) as threads:
            working = {
                crowd.__name__: threads.submit(
                    crowd, self._url, self._random(crowd.__name__), self._size(share)
                )
                for crowd, share in SHARES.items()
            }
        for name, future in working.items():
            try:
                self.connections += future.result()
            except (AssertionError, Broken, OSError) as trouble:
                self.troubles.append(f"round {len(self.footprints) + 1}, {name}: {trouble}")

    def look(self) -> None:
        """What the server holds, once the round's sessions are gone."""
        self.footprints.append(settled(lambda: footprint(self._url, self._pid), SETTLE_S))

    def _size(self, share: float) -> int:
        return max(1, round(share * self._crowd))

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}/{len(self.footprints)}/{name}")
