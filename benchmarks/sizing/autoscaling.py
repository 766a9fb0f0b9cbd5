"""Workers that follow the load, as the Kubernetes example has them: what callers notice while four times as
many come within five minutes, by the busy share from which on workers are added.

The autoscaler is that of Kubernetes (horizontal pod autoscaling, algorithm details): every 15 s it wants
ceil(workers * share / threshold) where they differ by more than a tenth, or a worker for every 4 waiting
jobs, whichever is more; at once it adds at most as many as there are, or four. A new worker decodes after
`worker_start_s`. Fewer are wanted only after five minutes, which this does not try.
"""

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from rich.table import Table

from benchmarks.report import console, write_json
from benchmarks.sizing.deployment import WORKER_LIMIT, Deployment
from benchmarks.sizing.measured import Measured
from benchmarks.sizing.outcome import WORD_P95_S, Outcome
from benchmarks.sizing.planning import plan
from benchmarks.sizing.simulation import Simulation
from benchmarks.sizing.workers import Steps

THRESHOLDS = (0.5, 0.6, WORKER_LIMIT, 0.8, 0.9)
WAITING_PER_WORKER = 4
GROWTH, RAMP_S, HOLD_S = 4, 300.0, 120.0
_CALLERS = 400  # at most, at the end
_EVALUATION_S = 15.0
_TOLERANCE = 0.1
_MOST_AT_ONCE = 4
_FIRST_PLAN_S = 20.0  # simulated


@dataclass
class Autoscaler:
    """Adds workers to a simulation. started: the workers that were asked for so far, with the first ones."""

    simulation: Simulation
    measured: Measured
    slots: int
    threshold: float
    started: int

    def run(self) -> Steps:
        """Until the simulation ends."""
        env, group = self.simulation.env, self.simulation.workers
        busy_before_s = 0.0
        while True:
            yield env.timeout(_EVALUATION_S)
            busy_s = sum(group.work.busy_s.values())
            there = len(group.workers)
            share = (busy_s - busy_before_s) / (there * self.slots * _EVALUATION_S)
            busy_before_s = busy_s
            wanted = self._wanted(there, share, len(group.queues))
            for _ in range(wanted - self.started):
                env.process(self._start())
            self.started = max(self.started, wanted)

    def _wanted(self, there: int, share: float, waiting: int) -> int:
        by_share = share / self.threshold
        wanted = ceil(there * by_share) if abs(by_share - 1) > _TOLERANCE else there
        wanted = max(wanted, ceil(waiting / WAITING_PER_WORKER))
        return min(wanted, there + max(there, _MOST_AT_ONCE))

    def _start(self) -> Steps:
        yield self.simulation.env.timeout(self.measured["worker_start_s"])
        self.simulation.workers.add_worker()


def grow(before: Deployment, measured: Measured, threshold: float) -> tuple[Outcome, int]:
    """What callers notice while they become GROWTH times as many, and how many workers there are then."""
    simulation = Simulation(before, measured)
    scaler = Autoscaler(simulation, measured, before.slots, threshold, before.workers)
    simulation.env.process(scaler.run())
    simulation.env.process(_arrive(simulation, (GROWTH - 1) * before.callers))
    return simulation.run(RAMP_S + HOLD_S), scaler.started


def _arrive(simulation: Simulation, count: int) -> Steps:
    for _ in range(count):
        yield simulation.env.timeout(RAMP_S / count)
        simulation.add_caller()


def ramp(wanted: Deployment, measured: Measured, json_file: Path | None) -> int:
    """Print a row for each threshold; exit status 1 when that of the example does not keep callers in
    time."""
    callers = min(wanted.callers, _CALLERS) // GROWTH
    first, last = (
        plan(replace(wanted, callers=count), measured, _FIRST_PLAN_S, exact=True).deployment
        for count in (callers, GROWTH * callers)
    )
    before = replace(first, gateways=last.gateways, shards=last.shards)
    table = Table(
        "workers added from a busy share of", "word p95", "in the worst second", "s beyond 1 s", "workers"
    )
    figures: dict[str, float] = {}
    for threshold in THRESHOLDS:
        outcome, workers = grow(before, measured, threshold)
        row = {
            "word_p95_ms": 1000 * outcome.word_p95_s,
            "worst_second_ms": 1000 * outcome.worst_second_s(),
            "late_s": float(outcome.late_seconds()),
            "workers": float(workers),
        }
        figures |= {f"{name}_at_{threshold:g}": value for name, value in row.items()}
        table.add_row(f"{threshold:g}", *(f"{value:.0f}" for value in row.values()))
    console().print(
        f"{callers} to {GROWTH * callers} callers in {RAMP_S:g} s, {before.workers} workers at first"
    )
    console().print(table)
    if json_file is not None:
        write_json("plan-scaling", {"callers": GROWTH * callers}, figures, json_file)
    return 0 if figures[f"word_p95_ms_at_{WORKER_LIMIT:g}"] <= 1000 * WORD_P95_S else 1
