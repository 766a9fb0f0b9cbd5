"""Faults of workers, gateways and Redis, one after the other on a seeded schedule, while people speak.

Redis, two gateways, the workers and their recognition processes are real and on this machine. With
`--load sessions`, clients play recordings in real time and resume when they are cut off; accounted for are
samples and the words of finals, against sessions in which nothing failed. With `--load jobs`, windows are
decoded one after the other without gateways; accounted for is every job, which may neither stay without an
answer nor get other words than when nothing fails.
"""

import argparse
import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.arguments import add_json, new_parser
from benchmarks.chaos.faults import (
    CLIENT_FAULTS,
    FORGETFUL,
    GATEWAY_FAULTS,
    REDIS_FAULTS,
    WORKER_FAULTS,
    Fault,
)
from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import JobLoad, gateways
from benchmarks.chaos.runs import Run, runs
from benchmarks.chaos.sessions import SessionLoad
from benchmarks.measures import percentile
from benchmarks.report import report
from clients.errors import ClientError
from clients.samples import Sample, read_samples
from voicegw.telemetry import configure_logging

JOB_FAULTS = {**WORKER_FAULTS, **REDIS_FAULTS}
SURVIVED = {name: fault for name, fault in REDIS_FAULTS.items() if name not in FORGETFUL}
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
    "fault_runs": "faults, each with speakers at work",
    "jobs": "windows that were to be decoded",
    "lost_jobs": "windows that were never answered",
    "wrong_jobs": "windows answered with other words than without a fault",
    "sessions": "recordings that were played",
    "failed_sessions": "that did not come to their end",
    "unresumed_sessions": "that could not be resumed; their clients were told",
    "lost_samples": "sent, and neither acknowledged as silence nor covered by a final",
    "doubled_samples": "acknowledged beyond those that were sent",
    "lost_words": "words of finals that were missing",
    "doubled_words": "words of finals that were too many",
    "changed_words": "words of finals that were others",
    "recovery_worker_p95_ms": "from a fault of a worker until a speaker is heard again",
    "recovery_gateway_p95_ms": "from a fault of a gateway",
    "recovery_client_p95_ms": "from when all clients were cut off",
    "recovery_redis_p95_ms": "from a fault of Redis, its length included",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the faults; the exit status is 1 when something was lost."""
    options = _parser().parse_args(argv)
    configure_logging("error", as_json=False)
    known = JOB_FAULTS if options.load == "jobs" else SESSION_FAULTS
    faults = {name: known[name] for name in options.fault or known}
    measure = measure_jobs if options.load == "jobs" else measure_sessions
    try:
        done = asyncio.run(measure(options.runs, options.seed, faults, options.speakers))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    figures = figures_of(done)
    settings = {name: getattr(options, name) for name in ("load", "runs", "seed", "speakers")}
    report("chaos", settings, figures, MEANINGS, options.json)
    return 1 if any(figures.get(name) for name in NONE_OF) else 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("chaos", __doc__)
    add = parser.add_argument
    add(
        "--load", choices=("sessions", "jobs"), default="sessions", help="what goes on (default: %(default)s)"
    )
    add("--runs", type=int, default=20, metavar="N", help="how many faults (default: %(default)s)")
    add("--seed", type=int, default=1, metavar="S", help="of the schedule (default: %(default)s)")
    add("--speakers", type=int, default=SPEAKERS, metavar="N", help="at once (default: %(default)s)")
    add(
        "--fault",
        choices=sorted({*SESSION_FAULTS, *JOB_FAULTS}),
        action="append",
        help="this one only; may be repeated",
    )
    add_json(parser)
    return parser


async def measure_jobs(
    count: int, seed: int, faults: Mapping[str, Fault] = JOB_FAULTS, speakers: int = SPEAKERS
) -> list[Run]:
    """So many runs with decode jobs, each told on stderr as it ends."""
    async with installation(WORKERS) as there, gateways(there.redis.url, GATEWAYS) as recognizers:
        load = JobLoad(recognizers, _samples(), speakers)
        await load.learn()
        return [_told(run) async for run in runs(there, load, faults, count, seed)]


async def measure_sessions(
    count: int, seed: int, faults: Mapping[str, Fault] = SESSION_FAULTS, speakers: int = SPEAKERS
) -> list[Run]:
    """So many runs with whole sessions, each told on stderr as it ends."""
    async with installation(WORKERS, GATEWAYS) as there:
        load = SessionLoad(await there.link(), _samples(), speakers)
        await load.learn()
        return [_told(run) async for run in runs(there, load, faults, count, seed)]


def _samples() -> list[Sample]:
    return [sample for sample in read_samples() if len(sample.utterances) == 1][:SAMPLES]


def _told(run: Run) -> Run:
    counts = ", ".join(f"{name} {count}" for name, count in run.counts.items() if count)
    recovery = f", slowest recovery {1000 * max(run.recovery_s):.0f} ms" if run.recovery_s else ""
    print(f"{run.fault:22} {counts}{recovery}", file=sys.stderr, flush=True)
    return run


def figures_of(done: Iterable[Run]) -> dict[str, float]:
    """The totals, and how long it took until speakers were heard again, by what had failed."""
    totals: Counter[str] = Counter()
    recovered: dict[str, list[float]] = defaultdict(list)
    for run in done:
        totals["fault_runs"] += 1
        totals.update(run.counts)
        recovered[run.fault] += [1000 * each for each in run.recovery_s]
    figures: dict[str, float] = dict(totals)
    kinds = {
        **{"worker": WORKER_FAULTS, "gateway": GATEWAY_FAULTS},
        **{"client": CLIENT_FAULTS, "redis": REDIS_FAULTS},
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
