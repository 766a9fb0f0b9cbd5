"""Workers that follow the load, as the Kubernetes example has them: what callers notice while four times as
many come within five minutes, by the busy share from which on workers are added.

The autoscaler is that of Kubernetes (horizontal pod autoscaling, algorithm details): every 15 s it wants
ceil(workers * share / threshold) where they differ by more than a tenth, or a worker for every 4 waiting
jobs, whichever is more; at once it adds at most as many as there are, or four. A new worker decodes after
`worker_start_s`. Fewer are wanted only after five minutes, which this does not try.
"""

from dataclasses import dataclass, replace
from math import ceil

from benchmarks.sizing.deployment import WORKER_LIMIT, Deployment
from benchmarks.sizing.measured_figures import Measured
from benchmarks.sizing.outcome import Outcome
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


@dataclass(frozen=True)
class Growth:
    """What callers notice while they become GROWTH times as many. threshold: the busy share from which
    workers are added. workers: how many there are then."""

    threshold: float
    outcome: Outcome
    workers: int

    @property
    def row(self) -> dict[str, float]:
        """By name, for a table and a JSON file."""
        return {
            "word_p95_ms": 1000 * self.outcome.word_p95_s,
            "worst_second_ms": 1000 * self.outcome.worst_second_s(),
            "late_s": float(self.outcome.late_seconds()),
            "workers": float(self.workers),
        }


def grow(before: Deployment, measured: Measured, threshold: float) -> Growth:
    """One run, from this installation on."""
    simulation = Simulation(before, measured)
    scaler = Autoscaler(simulation, measured, before.slots, threshold, before.workers)
    simulation.env.process(scaler.run())
    simulation.env.process(_arrive(simulation, (GROWTH - 1) * before.callers))
    return Growth(threshold, simulation.run(RAMP_S + HOLD_S), scaler.started)


def _arrive(simulation: Simulation, count: int) -> Steps:
    for _ in range(count):
        yield simulation.env.timeout(RAMP_S / count)
        simulation.add_caller()


def before_growth(wanted: Deployment, measured: Measured) -> Deployment:
    """The installation for a part of the callers, with the gateways and shards for all of them."""
    callers = min(wanted.callers, _CALLERS) // GROWTH
    first, last = (
        plan(replace(wanted, callers=count), measured, _FIRST_PLAN_S).deployment
        for count in (callers, GROWTH * callers)
    )
    return replace(first, gateways=last.gateways, shards=last.shards)
