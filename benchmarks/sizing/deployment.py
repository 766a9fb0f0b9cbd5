"""An installation on paper: how many of each part there are, what may fail, and what is assumed of them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

from benchmarks.sizing.measured_figures import Measured

ASSUMED = {  # what no benchmark here measures; --set NAME=VALUE replaces each
    "network_gbit_per_s": 10.0,  # of the machine of a gateway or a shard, in each direction
    "hop_p50_ms": 2.0,  # what a job takes beyond wait and decode (scripts/bench cluster)
    "takeover_back_s": 0.6,  # from a gateway's end to its last client at another one (scripts/bench cluster)
    "lease_s": 0.5,  # until others take the jobs of a lost worker (consumer.lease_ms)
    "worker_start_s": 30.0,  # until a worker in place of a lost one decodes: a new pod with its model
    "redis_failover_s": 2.0,  # until a replica serves the slots of a lost shard
    "redis_memory_mb_per_speaker": 0.8,  # README of scripts/deploy, "Example files"
}
WORKER_LIMIT, GATEWAY_LIMIT, SHARD_LIMIT, NETWORK_LIMIT = 0.7, 0.6, 0.6, 0.6  # busy shares to plan with


class Part(StrEnum):
    """What an installation has several of."""

    GATEWAY = "gateway"
    WORKER = "worker"
    SHARD = "Redis shard"


@dataclass(frozen=True)
class Deployment:
    """slots: batches that a worker decodes at once, each as fast as measured: cores of a CPU, one for a GPU
    whose batches gather. callers: who are connected. talk: the share of the time in which each speaks."""

    callers: int
    talk: float
    gateways: int = 1
    workers: int = 1
    shards: int = 1
    slots: int = 1

    def count(self, part: Part) -> int:
        """How many of them there are."""
        return {Part.GATEWAY: self.gateways, Part.WORKER: self.workers, Part.SHARD: self.shards}[part]

    def slice(self, callers: int) -> "Deployment":
        """A part of it with so many callers and their share of everything, at least one of each. Waits are
        not shorter than in the whole, where more workers share one queue."""
        share = min(1.0, callers / self.callers)
        return replace(
            self,
            callers=round(self.callers * share),
            gateways=ceil(self.gateways * share),
            workers=max(1, round(self.workers * share)),
            shards=ceil(self.shards * share),
        )


@dataclass(frozen=True)
class Fault:
    """One of the parts ends at a time, in seconds of the simulation; where it is replaced or its work is
    done by others, that takes the time that was measured or assumed."""

    part: Part
    at_s: float


def worker_slots(measured: Measured, cores: int | None = None) -> int:
    """How many batches a worker decodes side by side without slowing them down. cores: of each worker;
    those of the measured machine unless given."""
    if measured["gather_ms"]:
        return 1
    return cores or round(measured["decodes_at_once"])
