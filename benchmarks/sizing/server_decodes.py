"""How long the decodes of one run of a server took, from its metrics, and the measured figures at that
speed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt

from benchmarks.footprint import metrics_page
from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.measured_figures import BATCHES, WINDOWS_S, Measured, decode_figure
from benchmarks.sizing.simulation import Simulation
from voicegw.core.jobs import DecodeKind

SIMULATED_S = 200.0  # enough that chance has no part in it
_LAST_BUCKET = 1.5  # times its lower end: the mean of what is in the bucket without an upper end
_LOCAL = {  # one server without Redis whose decodes are alone, as they were timed
    "hop_p50_ms": 1.0,
    "redis_cpu_ms_per_speech_s": 0.0,
    "side_by_side_ratio": 1.0,
    "batch_limit": 1.0,
}

Histogram = Mapping[float, float]  # decodes of at most so many seconds


@dataclass(frozen=True)
class ServerDecodes:
    """What a server has decoded, by kind: seconds in all, and how many decodes of which duration."""

    seconds: Mapping[DecodeKind, float]
    durations: Mapping[DecodeKind, Histogram]

    @classmethod
    def read(cls, url: str) -> "ServerDecodes":
        """From the metrics of the server at this WebSocket URL."""
        return cls.parse(metrics_page(url))

    @classmethod
    def parse(cls, page: str) -> "ServerDecodes":
        """From the text of the metrics."""
        seconds: dict[DecodeKind, float] = dict.fromkeys(DecodeKind, 0.0)
        durations: dict[DecodeKind, dict[float, float]] = {kind: {} for kind in DecodeKind}
        for kind, value in re.findall(r'voicegw_decode_seconds_sum{kind="(\w+)"} (\S+)', page):
            seconds[DecodeKind(kind)] = float(value)
        for labels, value in re.findall(r"voicegw_decode_seconds_bucket{(.*?)} (\S+)", page):
            named = dict(re.findall(r'(\w+)="(.*?)"', labels))
            durations[DecodeKind(named["kind"])][float(named["le"])] = float(value)
        return cls(seconds, durations)

    def __sub__(self, earlier: "ServerDecodes") -> "ServerDecodes":
        return ServerDecodes(
            {kind: self.seconds[kind] - earlier.seconds[kind] for kind in DecodeKind},
            {
                kind: {le: count - earlier.durations[kind].get(le, 0) for le, count in histogram.items()}
                for kind, histogram in self.durations.items()
            },
        )

    def jobs(self, kind: DecodeKind) -> float:
        """How many decodes there were."""
        return self.durations[kind].get(inf, 0.0)

    def mean_s(self, kind: DecodeKind) -> float:
        """Of one decode, where there were some."""
        return self.seconds[kind] / self.jobs(kind)

    def variation(self, kind: DecodeKind) -> float:
        """The standard deviation over the mean, as far as the buckets tell."""
        steps = sorted({0.0: 0.0, **self.durations[kind]}.items())
        middles = [  # of each bucket, and how many decodes are in it
            ((low + high) / 2 if high < inf else _LAST_BUCKET * low, upto - before)
            for (low, before), (high, upto) in pairwise(steps)
        ]
        mean = sum(count * middle for middle, count in middles) / self.jobs(kind)
        square = sum(count * middle**2 for middle, count in middles) / self.jobs(kind)
        return sqrt(max(0.0, square / mean**2 - 1))


def at_speed(measured: Measured, there: Deployment, run: ServerDecodes) -> Measured:
    """The figures for one server without Redis whose decodes took as long as those of the run, and varied as
    much."""
    local = measured.with_figures(_LOCAL)
    simulation = Simulation(there, local)
    simulation.run(SIMULATED_S)
    work = simulation.workers.work
    scaled: dict[str, float] = {}
    for kind in DecodeKind:
        if run.jobs(kind) and work.jobs[kind]:
            scale = run.mean_s(kind) / (work.busy_s[kind] / work.jobs[kind])
            names = [decode_figure(kind, window_s, batch) for window_s in WINDOWS_S for batch in BATCHES]
            scaled |= {name: scale * local[name] for name in names}
            scaled[f"{kind}_variation_ratio"] = run.variation(kind)
    return local.with_figures(scaled)
