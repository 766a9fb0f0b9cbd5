"""`scripts/bench chaos faults`: faults of workers, gateways and Redis, one after another.

Redis, two gateways, the workers and their recognition processes are real processes on this machine. With
`--load sessions`, clients play recordings in real time and resume when they lose their connections; the
samples and the words of finals are compared with those of sessions without a fault. With `--load jobs`,
windows are decoded one after the other without gateways; every job must be answered, with the same words as
without a fault. With `--cluster`, Redis is a Cluster of three primaries with replicas, of which primaries are
killed.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from benchmarks.chaos.faults import (
    CLIENT_FAULTS,
    CLUSTER_FAULTS,
    GATEWAY_FAULTS,
    NOT_SURVIVED,
    REDIS_FAULTS,
    WORKER_FAULTS,
    Fault,
)
from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import JobLoad, gateways
from benchmarks.chaos.runs import Run, runs
from benchmarks.chaos.sessions import SessionLoad
from benchmarks.command import Result, add_numbers, chosen
from benchmarks.measures import percentile
from clients.samples import Sample, read_samples
from voicegw.log_configuration import configure_logging

JOB_FAULTS = {**WORKER_FAULTS, **REDIS_FAULTS}
SURVIVED = {name: fault for name, fault in REDIS_FAULTS.items() if name not in NOT_SURVIVED}
SESSION_FAULTS = {**WORKER_FAULTS, **GATEWAY_FAULTS, **CLIENT_FAULTS, **SURVIVED}
SAMPLES = 4
GATEWAYS = 2
WORKERS = 2
SPEAKERS = 6
NONE_OF = (
    *("lost_jobs", "wrong_jobs", "failed_sessions"),
    *("lost_samples", "doubled_samples", "lost_words", "doubled_words"),
)
MEANINGS = {
    "fault_runs": "faults, each during the work",
    "jobs": "windows that were sent to be decoded",
    "lost_jobs": "windows that were never answered",
    "wrong_jobs": "windows answered with other words than without a fault",
    "sessions": "recordings that were played",
    "failed_sessions": "sessions that did not finish",
    "unresumed_sessions": "sessions that could not be resumed, which the server reported",
    "lost_samples": "samples sent, but neither acknowledged as silence nor covered by a final",
    "doubled_samples": "samples acknowledged beyond those that were sent",
    "lost_words": "words that are missing in finals",
    "doubled_words": "words that are inserted in finals",
    "changed_words": "words that are different in finals",
    "recovery_worker_p95_ms": "from a fault of a worker until the next recognised words",
    "recovery_gateway_p95_ms": "from a fault of a gateway",
    "recovery_client_p95_ms": "from the reset of all clients",
    "recovery_redis_p95_ms": "from a fault of Redis, its duration included",
    "recovery_cluster_p95_ms": "from the loss of a primary of the Redis Cluster",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this case."""
    add = parser.add_argument
    add(
        "--load",
        choices=("sessions", "jobs"),
        default="sessions",
        help="the work during the faults (default: %(default)s)",
    )
    add("--cluster", action="store_true", help="with a Redis Cluster, whose primaries are killed")
    numbers = {
        "--runs": (20, "number of faults"),
        "--seed": (1, "of the schedule"),
        "--speakers": (SPEAKERS, "at the same time"),
    }
    add_numbers(parser, numbers)
    add(
        "--fault",
        choices=sorted({*SESSION_FAULTS, *JOB_FAULTS, *CLUSTER_FAULTS}),
        action="append",
        help="only this fault; may be repeated",
    )


async def run_case(options: argparse.Namespace) -> Result:
    """What was lost is a problem. Raises ClientError."""
    configure_logging("error", as_json=False)
    known = JOB_FAULTS if options.load == "jobs" else SESSION_FAULTS
    if options.cluster:
        known = {**CLUSTER_FAULTS, **WORKER_FAULTS}
    faults = {name: known[name] for name in options.fault or (CLUSTER_FAULTS if options.cluster else known)}
    measure = measure_jobs if options.load == "jobs" else measure_sessions
    done = await measure(options.runs, options.seed, faults, options.speakers, cluster=options.cluster)
    figures = figures_of(done)
    problems = [f"{name}: {figures[name]:.0f}" for name in NONE_OF if figures.get(name)]
    return Result(chosen(options, "load", "cluster", "runs", "seed", "speakers"), figures, MEANINGS, problems)


async def measure_jobs(
    count: int,
    seed: int,
    faults: Mapping[str, Fault] = JOB_FAULTS,
    speakers: int = SPEAKERS,
    *,
    cluster: bool = False,
) -> list[Run]:
    """`count` runs with decode jobs, each reported on stderr as it ends. Raises ClientError."""
    async with (
        installation(WORKERS, cluster=cluster) as there,
        gateways(there.redis_url, GATEWAYS) as recognizers,
    ):
        load = JobLoad(recognizers, _samples(), speakers)
        await load.learn()
        return [_reported(run) async for run in runs(there, load, faults, count, seed)]


async def measure_sessions(
    count: int,
    seed: int,
    faults: Mapping[str, Fault] = SESSION_FAULTS,
    speakers: int = SPEAKERS,
    *,
    cluster: bool = False,
) -> list[Run]:
    """`count` runs with whole sessions, each reported on stderr as it ends. Raises ClientError."""
    async with installation(WORKERS, GATEWAYS, cluster=cluster) as there:
        load = SessionLoad(await there.add_relays(), _samples(), speakers)
        await load.learn()
        return [_reported(run) async for run in runs(there, load, faults, count, seed)]


def _samples() -> list[Sample]:
    return [sample for sample in read_samples() if len(sample.utterances) == 1][:SAMPLES]


def _reported(run: Run) -> Run:
    counts = ", ".join(f"{name} {count}" for name, count in run.counts.items() if count)
    recovery = f", slowest recovery {1000 * max(run.recovery_s):.0f} ms" if run.recovery_s else ""
    print(f"{run.fault:22} {counts}{recovery}", file=sys.stderr, flush=True)
    return run


def figures_of(done: Iterable[Run]) -> dict[str, float]:
    """The totals, and the times until the next recognised words, by the kind of fault."""
    totals: Counter[str] = Counter()
    recovered: dict[str, list[float]] = defaultdict(list)
    for run in done:
        totals["fault_runs"] += 1
        totals.update(run.counts)
        recovered[run.fault] += [1000 * each for each in run.recovery_s]
    figures: dict[str, float] = dict(totals)
    kinds = {
        **{"worker": WORKER_FAULTS, "gateway": GATEWAY_FAULTS},
        **{"client": CLIENT_FAULTS, "redis": REDIS_FAULTS, "cluster": CLUSTER_FAULTS},
    }
    for what, names in kinds.items():
        times = [each for name in names for each in recovered.get(name, [])]
        if times:
            figures[f"recovery_{what}_p95_ms"] = percentile(times, 95)
    for name, times in sorted(recovered.items()):
        if times:
            figures[f"{name}_p50_ms"] = percentile(times, 50)
            figures[f"{name}_p95_ms"] = percentile(times, 95)
    return figures
