"""Faults of workers and of Redis, one after the other on a seeded schedule, while speakers are recognised.

Redis, the workers and their recognition processes are real and on this machine; two gateways' recognisers run
in this process. Every job is accounted for: none may stay without an answer, and none may get other words
than it gets when nothing fails.
"""

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.arguments import add_json, new_parser
from benchmarks.chaos.faults import REDIS_FAULTS, WORKER_FAULTS, Fault
from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import JobLoad, gateways
from benchmarks.chaos.runs import Run, runs
from benchmarks.measures import percentile
from benchmarks.report import report
from clients.errors import ClientError
from clients.samples import read_samples

FAULTS = {**WORKER_FAULTS, **REDIS_FAULTS}
SAMPLES = 4
GATEWAYS = 2
WORKERS = 2
SPEAKERS = 6
MEANINGS = {
    "fault_runs": "faults, each with speakers at work",
    "jobs": "windows that were to be decoded",
    "lost_jobs": "windows that were never answered",
    "wrong_jobs": "windows answered with other words than without a fault",
    "recovery_worker_p95_ms": "from a fault of a worker to the next answer, over all speakers",
    "recovery_redis_p95_ms": "from a fault of Redis, its length included",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the faults; the exit status is 1 when a job was lost or wrong."""
    options = _parser().parse_args(argv)
    try:
        faults = {name: FAULTS[name] for name in options.fault or FAULTS}
        done = asyncio.run(measure(options.runs, options.seed, faults, options.workers, options.speakers))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    figures = figures_of(done)
    settings = {name: getattr(options, name) for name in ("runs", "seed", "workers", "speakers")}
    report("chaos", settings, figures, MEANINGS, options.json)
    return 1 if figures["lost_jobs"] or figures["wrong_jobs"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("chaos", __doc__)
    add = parser.add_argument
    add("--runs", type=int, default=20, metavar="N", help="how many faults (default: %(default)s)")
    add("--seed", type=int, default=1, metavar="S", help="of the schedule (default: %(default)s)")
    add("--workers", type=int, default=WORKERS, metavar="N", help="worker processes (default: %(default)s)")
    add(
        "--speakers", type=int, default=SPEAKERS, metavar="N", help="who speak at once (default: %(default)s)"
    )
    add("--fault", choices=sorted(FAULTS), action="append", help="this one only; may be repeated")
    add_json(parser)
    return parser


async def measure(
    count: int,
    seed: int,
    faults: Mapping[str, Fault] = FAULTS,
    workers: int = WORKERS,
    speakers: int = SPEAKERS,
) -> list[Run]:
    """So many runs, each told on stderr as it ends."""
    done = []
    async with installation(workers) as there, gateways(there.redis.url, GATEWAYS) as recognizers:
        samples = [sample for sample in read_samples() if len(sample.utterances) == 1][:SAMPLES]
        load = JobLoad(recognizers, samples, speakers)
        await load.learn()
        async for run in runs(there, load, faults, count, seed):
            done.append(run)
            print(f"{len(done):4} {run.fault:22} {_line(run)}", file=sys.stderr)
    return done


def _line(run: Run) -> str:
    recovery_ms = 1000 * max(run.recovery_s)
    return f"{run.asked:4} jobs, {run.lost} lost, {run.wrong} wrong, slowest recovery {recovery_ms:.0f} ms"


def figures_of(done: Iterable[Run]) -> dict[str, float]:
    """The totals, and how long it took until speakers heard again, by what had failed."""
    done = list(done)
    recovered: dict[str, list[float]] = defaultdict(list)
    for run in done:
        recovered[run.fault] += [1000 * each for each in run.recovery_s]
    figures: dict[str, float] = {
        "fault_runs": len(done),
        "jobs": sum(run.asked for run in done),
        "lost_jobs": sum(run.lost for run in done),
        "wrong_jobs": sum(run.wrong for run in done),
    }
    for what, names in (("worker", WORKER_FAULTS), ("redis", REDIS_FAULTS)):
        times = [each for name in names for each in recovered.get(name, [])]
        if times:
            figures[f"recovery_{what}_p95_ms"] = percentile(times, 95)
    for name, times in sorted(recovered.items()):
        figures[f"{name}_p50_ms"] = percentile(times, 50)
        figures[f"{name}_p95_ms"] = percentile(times, 95)
    return figures
