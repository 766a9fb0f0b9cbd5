"""The runs: more and more streams until the objective is missed, and then half again what is held.

Each run has a server of its own, so that none is measured with what the one before left behind.
"""

import math
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.capacity.evaluation import figures, shortfalls
from benchmarks.capacity.load import Run, Timing, run
from benchmarks.capacity.search import Search
from benchmarks.capacity.speaker import Speaker
from benchmarks.playing import STAGGER_S
from clients.errors import ClientError, ServerFailed
from clients.local_server import LocalServer, local_server
from clients.samples import Sample
from tests.llm_server import LLMServer

REPLY = ("It", " is", " done", ".")
LLM_FIRST_TOKEN_S = 0.1
OVERLOAD = 1.5


@dataclass(frozen=True)
class Bench:
    """What all runs have in common. flags: for the server. reply: as clients ask for it. runs: with each
    number of streams, all of which must hold. together: first frames at once, not spread over an interval
    between partials. samples: what is said; the sample sessions if empty."""

    flags: Sequence[str]
    end_silence_ms: int
    timing: Timing
    runs: int
    reply: str
    together: bool = False
    samples: Sequence[Sample] = ()

    async def run(self, speakers: Sequence[Speaker]) -> Run:
        """One run with a fresh server. Raises ClientError."""
        async with self._server(len(speakers)) as server:
            return await run(server, speakers, self.timing, self.reply, samples=self.samples)

    @asynccontextmanager
    async def _server(self, sessions: int) -> AsyncIterator[LocalServer]:
        # The limit of a fixed number is out of the way; whether it can take more is for the server to say.
        room = ("--gateway.admission.max-sessions", str(2 * sessions), "--log-level", "warning")
        async with LLMServer(tokens=REPLY, first_token_delay_s=LLM_FIRST_TOKEN_S) as llm:
            endpoint = ("--llm-url", llm.url, "--llm-model", "benchmark")
            async with local_server(*room, *endpoint, *self.flags) as server:
                yield server


@dataclass
class Climb:
    """What was found. search: where it stands. By the number of streams, of as many as were tried: curve:
    the figures, missing when no run came to its end; short: what was beyond the objective, if anything."""

    bench: Bench
    search: Search = field(default_factory=Search)
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    short: dict[int, list[str]] = field(default_factory=dict)

    @property
    def streams_at_slo(self) -> int:
        """The most that held; 0 when one was too many."""
        return self.search.held

    async def find(self) -> None:
        """Search. Raises ServerFailed."""
        while (streams := self.search.next) is not None:
            await self._try(streams)

    async def visit(self, numbers: Sequence[int]) -> None:
        """Try these numbers, rising, and no others. Raises ServerFailed."""
        for streams in sorted(numbers):
            await self._try(streams)

    async def _try(self, streams: int) -> None:
        """Runs until one is beyond the objective; the figures are of all of them."""
        runs: list[Run] = []
        short: list[str] = []
        while len(runs) < self.bench.runs and not short:
            try:
                runs.append(await self.bench.run(speakers_for(streams, together=self.bench.together)))
            except ServerFailed:
                raise
            except ClientError as error:
                short = [str(error)]
            else:
                short = shortfalls(figures(runs[-1:], self.bench.end_silence_ms))
        if runs:
            self.curve[streams] = figures(runs, self.bench.end_silence_ms)
        self.short[streams] = short
        self.search = self.search.tried(streams, not short)
        _tell(streams, self.curve.get(streams), short)


def _tell(streams: int, found: dict[str, float] | None, short: Sequence[str]) -> None:
    figures_text = (
        f"word p95 {found['wel_p95_ms']:.0f} ms, final p95 {found['excess_fl_p95_ms']:.0f} ms; "
        if found
        else ""
    )
    verdict = f"beyond: {', '.join(short)}" if short else "held"
    print(f"{streams} stream(s): {figures_text}{verdict}", file=sys.stderr, flush=True)


def speakers_for(streams: int, *, together: bool = False) -> list[Speaker]:
    """Speakers who each begin somewhere else in the samples."""
    interval_s = 0.0 if together else STAGGER_S
    return [Speaker(n / streams, interval_s * n / streams) for n in range(streams)]


def overload_of(held: int, warm_up_s: float) -> list[Speaker]:
    """As many speakers as are held, and half as many who come in the second half of the warm-up, when a
    server can know that it is busy."""
    streams = max(held + 1, math.ceil(OVERLOAD * held))
    late = streams - held
    delays_s = [STAGGER_S * n / held for n in range(held)]
    delays_s += [warm_up_s * (1 + n / late) / 2 for n in range(late)]
    return [Speaker(n / streams, delay_s) for n, delay_s in enumerate(delays_s)]
