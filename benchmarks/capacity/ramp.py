"""The runs: rising numbers of streams until the objective is missed, then 50 % more than meet it.

Each run starts a server of its own, so that earlier runs have no effect.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.answering import answering_server
from benchmarks.capacity.evaluation import figures, shortfalls
from benchmarks.capacity.load import Run, Timing, run
from benchmarks.capacity.search import Search
from benchmarks.capacity.speaker import Speaker
from benchmarks.playing import STAGGER_S
from clients.errors import ClientError, ServerFailed
from clients.samples import Sample

OVERLOAD = 1.5


@dataclass(frozen=True)
class Bench:
    """What all runs have in common. flags: for the server. reply: as clients ask for it. runs: with each
    number of streams, all of which must hold. samples: what is said; the sample sessions if empty."""

    flags: Sequence[str]
    end_silence_ms: int
    timing: Timing
    runs: int
    reply: str
    samples: Sequence[Sample] = ()

    async def run(self, speakers: Sequence[Speaker]) -> Run:
        """One run with a fresh server. Raises ClientError."""
        # The fixed limit of sessions is raised; only the load control of the server limits them.
        room = ("--gateway.admission.max-sessions", str(2 * len(speakers)))
        async with answering_server((*room, *self.flags)) as (server, _):
            return await run(server, speakers, self.timing, self.reply, samples=self.samples)


@dataclass
class Ramp:
    """The result. search: its state. By the number of streams: curve: the figures, missing when no run
    finished; short: what missed the objective, if anything."""

    bench: Bench
    search: Search = field(default_factory=Search)
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    short: dict[int, list[str]] = field(default_factory=dict)

    @property
    def streams_at_slo(self) -> int:
        """The most streams that meet the objective; 0 if one stream does not."""
        return self.search.held

    async def find(self) -> None:
        """Search. Raises ServerFailed."""
        while (streams := self.search.next) is not None:
            await self._try(streams)

    async def try_all(self, numbers: Sequence[int]) -> None:
        """Try these numbers, rising, and no others. Raises ServerFailed."""
        for streams in sorted(numbers):
            await self._try(streams)

    async def _try(self, streams: int) -> None:
        """Run until one misses the objective; the figures are those of all runs."""
        runs: list[Run] = []
        short: list[str] = []
        while len(runs) < self.bench.runs and not short:
            try:
                runs.append(await self.bench.run(speakers_for(streams)))
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


def speakers_for(streams: int) -> list[Speaker]:
    """Speakers that start at different positions in the samples, spread over an interval between partials."""
    return [Speaker(n / streams, STAGGER_S * n / streams) for n in range(streams)]


def overload_of(held: int, warm_up_s: float) -> list[Speaker]:
    """As many speakers as meet the objective, and 50 % more that connect in the second half of the warm-up,
    when the server can measure its load."""
    streams = max(held + 1, math.ceil(OVERLOAD * held))
    late = streams - held
    delays_s = [STAGGER_S * n / held for n in range(held)]
    delays_s += [warm_up_s * (1 + n / late) / 2 for n in range(late)]
    return [Speaker(n / streams, delay_s) for n, delay_s in enumerate(delays_s)]
