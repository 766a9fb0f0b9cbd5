"""The order of the runs, and what becomes of each server.

Rounds with one stream come first, every server once a round, so that what changes on the machine meets all
of them. Then the streams rise: a server is in the next step as long as it kept the objective in the last.
"""

import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.peers.comparing import Run, figures, holds
from benchmarks.peers.peer import Peer
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
class Contestant:
    """A server and how it does.

    curve: the figures by the number of streams, of as many as were tried. trouble: why it was given up.
    """

    peer: Peer
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    streams_at_slo: int = 0
    trouble: str = ""
    is_climbing: bool = True

    @property
    def summary(self) -> dict[str, float]:
        """What is compared: the figures with one stream, and the streams it holds; empty if it never ran."""
        return {**self.curve[1], "streams_at_slo": self.streams_at_slo} if 1 in self.curve else {}


async def compete(
    contestants: Sequence[Contestant], run: Runner, streams: Sequence[int], repeats: int, runs: int
) -> None:
    """All the runs. `streams` rises from 1; `repeats` and `runs` are how many with one and with more."""
    for number in streams:
        collected: dict[str, list[Run]] = {one.peer.name: [] for one in contestants if one.is_climbing}
        for _ in range(repeats if number == 1 else runs):
            for contestant in contestants:
                if contestant.is_climbing:
                    await _take_turn(contestant, run, number, collected[contestant.peer.name])
        for contestant in contestants:
            if found := collected.get(contestant.peer.name):
                _judge(contestant, number, found)


async def _take_turn(contestant: Contestant, run: Runner, streams: int, found: list[Run]) -> None:
    try:
        found.append(await run(contestant.peer, streams))
        _tell(contestant, streams, _in_brief(figures(found[-1:])))
    except ClientError as error:
        contestant.trouble = f"with {streams} streams: {error}"
        contestant.is_climbing = False
        _tell(contestant, streams, contestant.trouble)


def _judge(contestant: Contestant, streams: int, found: Sequence[Run]) -> None:
    contestant.curve[streams] = figures(found)
    one_stream = contestant.curve[1]
    held = contestant.is_climbing and all(holds(figures([one]), one_stream) for one in found)
    contestant.is_climbing = held
    if held:
        contestant.streams_at_slo = streams


def _in_brief(found: dict[str, float]) -> str:
    return f"word p95 {found['wel_p95_ms']:.0f} ms, {found['elsewhere_cores']:.2f} cores busy elsewhere"


def _tell(contestant: Contestant, streams: int, what: str) -> None:
    print(f"{contestant.peer.name}, {streams} stream(s): {what}", file=sys.stderr, flush=True)


def ratios(contestants: Sequence[Contestant]) -> dict[str, float]:
    """Ours, the first contestant's, divided by each other's; NaN where there is nothing to divide by."""
    ours, *others = contestants
    return {
        f"{ratio}_{other.peer.name}": _divided(ours.summary.get(figure), other.summary.get(figure))
        for other in others
        for ratio, figure in RATIOS.items()
    }


def _divided(ours: float | None, theirs: float | None) -> float:
    return math.nan if ours is None or not theirs else ours / theirs


def absolute(contestants: Sequence[Contestant]) -> dict[str, float]:
    """Everyone's figures under flat names: with one stream, and the latencies with more."""
    found: dict[str, float] = {}
    for one in contestants:
        found |= {f"{figure}_{one.peer.name}": value for figure, value in one.summary.items()}
        for streams, curve in one.curve.items():
            for figure in ("wel_p50_ms", "wel_p95_ms", "fl_p95_ms", "cpu_s_per_audio_s", "coverage_percent"):
                found[f"{figure}_at_{streams}_{one.peer.name}"] = curve[figure]
    return found
