"""The order of the runs, and the state of each server.

Rounds with one stream come first, every server once in a round, so that changes of the machine affect all of
them. Then the streams rise: a server is in the next step if it met the objective in the last one.
"""

import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.peers.peer import Peer
from benchmarks.peers.run_figures import Run, figures, holds
from clients.errors import ClientError

Runner = Callable[[Peer, int], Awaitable[Run]]

RATIOS = {
    "streams_ratio": "streams_at_slo",
    "cpu_ratio": "cpu_s_per_audio_s",
    "wel_ratio": "wel_p50_ms",
    "wel_p95_ratio": "wel_p95_ms",
    "fl_ratio": "fl_p50_ms",
    "fl_p95_ratio": "fl_p95_ms",
}


@dataclass
class Candidate:
    """A server and its results.

    curve: the figures by the number of streams, of as many as were tried. failure: why it was left out.
    """

    peer: Peer
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    streams_at_slo: int = 0
    failure: str = ""
    is_active: bool = True

    @property
    def summary(self) -> dict[str, float]:
        """What is compared: the figures with one stream, and the most streams; empty if it never ran."""
        return {**self.curve[1], "streams_at_slo": self.streams_at_slo} if 1 in self.curve else {}


async def run_rounds(
    candidates: Sequence[Candidate], run: Runner, streams: Sequence[int], repeats: int, runs: int
) -> None:
    """All the runs. `streams` rises from 1; `repeats` and `runs` are how many with one and with more."""
    for number in streams:
        collected: dict[str, list[Run]] = {one.peer.name: [] for one in candidates if one.is_active}
        for _ in range(repeats if number == 1 else runs):
            for candidate in candidates:
                if candidate.is_active:
                    await _run_once(candidate, run, number, collected[candidate.peer.name])
        for candidate in candidates:
            if found := collected.get(candidate.peer.name):
                _judge(candidate, number, found)


async def _run_once(candidate: Candidate, run: Runner, streams: int, found: list[Run]) -> None:
    try:
        found.append(await run(candidate.peer, streams))
        _report(candidate, streams, _in_brief(figures(found[-1:])))
    except ClientError as error:
        candidate.failure = f"with {streams} streams: {error}"
        candidate.is_active = False
        _report(candidate, streams, candidate.failure)


def _judge(candidate: Candidate, streams: int, found: Sequence[Run]) -> None:
    candidate.curve[streams] = figures(found)
    one_stream = candidate.curve[1]
    held = candidate.is_active and all(holds(figures([one]), one_stream) for one in found)
    candidate.is_active = held
    if held:
        candidate.streams_at_slo = streams


def _in_brief(found: dict[str, float]) -> str:
    return f"word p95 {found['wel_p95_ms']:.0f} ms, {found['elsewhere_cores']:.2f} cores busy elsewhere"


def _report(candidate: Candidate, streams: int, what: str) -> None:
    print(f"{candidate.peer.name}, {streams} stream(s): {what}", file=sys.stderr, flush=True)


def ratios(candidates: Sequence[Candidate]) -> dict[str, float]:
    """The figures of the first candidate, divided by those of each other one; NaN where one is missing."""
    ours, *others = candidates
    return {
        f"{ratio}_{other.peer.name}": _divided(ours.summary.get(figure), other.summary.get(figure))
        for other in others
        for ratio, figure in RATIOS.items()
    }


def _divided(ours: float | None, theirs: float | None) -> float:
    return math.nan if ours is None or not theirs else ours / theirs


def absolute(candidates: Sequence[Candidate]) -> dict[str, float]:
    """The figures of all servers by name: with one stream, and the latencies with more."""
    found: dict[str, float] = {}
    for one in candidates:
        found |= {f"{figure}_{one.peer.name}": value for figure, value in one.summary.items()}
        for streams, curve in one.curve.items():
            for figure in ("wel_p50_ms", "wel_p95_ms", "fl_p95_ms", "cpu_s_per_audio_s", "coverage_percent"):
                found[f"{figure}_at_{streams}_{one.peer.name}"] = curve[figure]
    return found
