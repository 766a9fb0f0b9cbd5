"""The smallest installation that serves so many callers in time, and what saturates in it first.

Gateways and shards follow from their measured CPU time and bytes; workers are found by simulation, because
batches and waits depend on how many there are. No part is planned to be busier than its limit in
deployment.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf

from benchmarks.sizing.deployment import (
    GATEWAY_LIMIT,
    NETWORK_LIMIT,
    SHARD_LIMIT,
    WORKER_LIMIT,
    Deployment,
)
from benchmarks.sizing.infrastructure import Shares
from benchmarks.sizing.measured_figures import Measured
from benchmarks.sizing.outcome import Outcome
from benchmarks.sizing.simulation import simulate

SLICE_CALLERS = 1000  # in which workers are sought
_ROUNDS = 12
_SATURATED = 0.95  # busy share
_MORE = 1.1  # workers, where the objective is missed although they have time
_BETTER = 0.97  # of the lateness: what that many more have to bring
_AUDIO_BYTES_PER_S = 32_000  # of a caller: PCM at 16 kHz


@dataclass(frozen=True)
class Utilisation:
    """A part of the installation that can saturate. share: how busy it is. limit: the share to plan with."""

    name: str
    count: int
    share: float
    limit: float

    def callers_each(self, callers: int) -> float:
        """How many callers one of them serves at its limit."""
        return callers / self.count * self.limit / self.share if self.share else inf


@dataclass(frozen=True)
class Plan:
    """An installation and how callers fare. simulated: the part of it that was simulated."""

    deployment: Deployment
    simulated: Deployment
    outcome: Outcome
    measured: Measured

    @property
    def utilisations(self) -> Sequence[Utilisation]:
        """The first to saturate comes first."""
        there, outcome = self.deployment, self.outcome
        shares = Shares.of(there, self.measured)
        found = [
            Utilisation("workers", there.workers, outcome.worker_share, WORKER_LIMIT),
            Utilisation("gateways, CPU", there.gateways, shares.gateway, GATEWAY_LIMIT),
            Utilisation("Redis shards, CPU", there.shards, shares.shard_cpu, SHARD_LIMIT),
            Utilisation("Redis shards, network", there.shards, shares.shard_network, NETWORK_LIMIT),
        ]
        return sorted(found, key=lambda each: each.share / each.limit, reverse=True)

    def figures(self) -> dict[str, float]:
        """All of it by name, for the table and the JSON file."""
        there, outcome, measured = self.deployment, self.outcome, self.measured
        speakers = there.callers * there.talk
        return {
            "gateways": there.gateways,
            "workers": there.workers,
            "decodes_at_once": there.workers * there.slots,
            "redis_shards": there.shards,
            "word_p50_ms": 1000 * outcome.word_p50_s,
            "word_p95_ms": 1000 * outcome.word_p95_s,
            "excess_final_p95_ms": 1000 * outcome.final_p95_s,
            "jobs_per_s": speakers * outcome.jobs_per_s / (self.simulated.callers * there.talk),
            "mean_batch": outcome.mean_batch,
            "clients_mb_per_s": there.callers * _AUDIO_BYTES_PER_S / 1e6,
            "redis_in_mb_per_s": speakers * measured["redis_in_bytes_per_speech_s"] / 1e6,
            "redis_out_mb_per_s": speakers * measured["redis_out_bytes_per_speech_s"] / 1e6,
            "gateway_memory_gb": (
                there.gateways * measured["gateway_memory_mb"] / 1e3
                + there.callers * measured["active_connection_bytes"] / 1e9
            ),
            "worker_memory_gb": there.workers * measured["worker_memory_mb"] / 1e3,
            "redis_memory_gb": speakers * measured["redis_memory_mb_per_speaker"] / 1e3,
        }

    @property
    def in_time(self) -> bool:
        """Whether callers are served in time, by parts that can keep up."""
        return self.outcome.in_time and self.utilisations[0].share < 1

    @property
    def verdict(self) -> str:
        """What saturates first, for people."""
        first = self.utilisations[0]
        served = "" if self.in_time else "; callers are not served in time"
        shares = f"{100 * first.share:.0f} % busy, of {100 * first.limit:.0f} % to plan with"
        return f"bottleneck: {first.name}, {shares}{served}"


def plan(
    wanted: Deployment,
    measured: Measured,
    seconds: float,
    simulated: int = SLICE_CALLERS,
    shards: int | None = None,
) -> Plan:
    """The smallest installation for the callers of `wanted`, simulated for so many seconds.

    simulated: callers at most; of an installation for more, a slice. shards: how many there are, instead of
    as many as are needed.
    """
    one = replace(wanted, gateways=1, shards=1, workers=1)
    shares = Shares.of(one, measured)
    needed = ceil(max(shares.shard_cpu / SHARD_LIMIT, shares.shard_network / NETWORK_LIMIT))
    deployment = replace(one, gateways=ceil(shares.gateway / GATEWAY_LIMIT), shards=shards or needed)
    deployment = replace(deployment, workers=_workers(deployment, measured, seconds))
    part = deployment.slice(simulated)
    return Plan(deployment, part, simulate(part, measured, seconds), measured)


def _workers(deployment: Deployment, measured: Measured, seconds: float) -> int:
    """The fewest that are not busier than their limit and serve callers in time, found for a slice; where
    more of them make nothing earlier, as many as are busy up to their limit."""
    part = replace(deployment.slice(SLICE_CALLERS), workers=1)
    outcome = simulate(part, measured, seconds)
    for _ in range(_ROUNDS):
        # Of workers that are always busy, nobody knows how much more there would be to do.
        factor = 2.0 if outcome.worker_share > _SATURATED else outcome.worker_share / WORKER_LIMIT
        workers = max(1, ceil(part.workers * factor))
        if workers == part.workers:
            break
        part = replace(part, workers=workers)
        outcome = simulate(part, measured, seconds)
    while not outcome.in_time:
        larger = replace(part, workers=ceil(part.workers * _MORE))
        found = simulate(larger, measured, seconds)
        if found.lateness >= _BETTER * outcome.lateness:
            break
        part, outcome = larger, found
    return ceil(part.workers * deployment.callers / part.callers)
