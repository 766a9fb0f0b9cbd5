"""What recognition by workers behind Redis costs and brings, everything on this machine and real.

The hop: decodes by a local worker process and by a worker behind Redis take turns, one at a time; what counts
is the time from asking to the answer less the decoding. Windows: what sending only new audio would save.
Scaling: jobs a second of one worker and of two, of one process each, with always enough to do. Storm: all
clients of a server are cut off. Takeover: a gateway is killed with all its sessions. In both, the survivors
are speakers who keep their connections. Recovery: some of the faults of `scripts/bench chaos`: of workers and
Redis while jobs are done, of gateways while recordings are played.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from benchmarks import storm, survivors
from benchmarks.arguments import add_json, new_parser
from benchmarks.chaos import command as chaos
from benchmarks.chaos.faults import GATEWAY_FAULTS
from benchmarks.chaos.installation import installation
from benchmarks.cluster.hop import Overheads, overheads
from benchmarks.cluster.scaling import jobs_per_second
from benchmarks.cluster.takeover import takeover
from benchmarks.cluster.windows import windows_figures
from benchmarks.measures import percentile
from benchmarks.report import report
from clients.errors import ClientError
from voicegw.telemetry import configure_logging

MEANINGS = {
    "local_p50_ms": "a decode by a local process: time beyond the decoding",
    "local_p99_ms": "the same, at the 99th percentile",
    "remote_p50_ms": "a decode by a worker behind Redis: time beyond the decoding",
    "remote_p99_ms": "the same, at the 99th percentile",
    "hop_p50_ms": "what the way over Redis adds: the difference of the medians",
    "hop_p99_ms": "the difference of the 99th percentiles",
    **{
        f"{way}_{seconds}s_p50_ms": f"{seconds} s of audio from one connection to another, {how}"
        for seconds in (2, 4, 10)
        for way, how in (
            ("inline", "whole, as it is done"),
            ("appended", "only the new 250 ms, and read there"),
        )
    },
    "jobs_per_s_1_worker": "windows of 1 to 8 s decoded",
    "jobs_per_s_2_workers": "the same by two workers",
    "worker_scaling_ratio": "two workers over one",
    **storm.MEANINGS,
    "takeover_back_s": "a gateway is killed with all its sessions: until the last is at another gateway",
    "takeover_lost": "clients whose session was lost, or who did not come back",
    **{f"takeover_{name}": f"there: {meaning}" for name, meaning in survivors.MEANINGS.items()},
    **{name: meaning for name, meaning in chaos.MEANINGS.items() if name != "fault_runs"},
    "fault_runs": "faults, each with speakers at work",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = _parser().parse_args(argv)
    configure_logging("error", as_json=False)
    try:
        figures = asyncio.run(_measure(options))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    settings = {name: getattr(options, name) for name in ("decodes", "seconds", "clients", "runs", "seed")}
    report("cluster", settings, figures, MEANINGS, options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("cluster", __doc__)
    add = parser.add_argument
    add("--decodes", type=int, default=500, metavar="N", help="each way (default: %(default)s)")
    add("--seconds", type=float, default=20.0, help="of counting jobs (default: %(default)g)")
    add("--clients", type=int, default=200, metavar="N", help="in the storm (default: %(default)s)")
    add("--runs", type=int, default=20, metavar="N", help="faults of each kind (default: %(default)s)")
    add("--seed", type=int, default=1, metavar="S", help="of the faults (default: %(default)s)")
    add_json(parser)
    return parser


async def _measure(options: argparse.Namespace) -> dict[str, float]:
    figures = hop_figures(await overheads(options.decodes))
    async with installation(workers=0) as there:
        figures |= await windows_figures(there.redis, options.decodes)
    one = await jobs_per_second(1, options.seconds)
    two = await jobs_per_second(2, options.seconds)
    figures |= {"jobs_per_s_1_worker": one, "jobs_per_s_2_workers": two, "worker_scaling_ratio": two / one}
    figures |= storm.figures_of(await storm.measure(options.clients))
    taken_over = storm.figures_of(await takeover(options.clients))
    figures |= {f"takeover_{name}": taken_over[f"storm_{name}"] for name in ("back_s", "lost")}
    figures |= {f"takeover_{name}": taken_over[name] for name in survivors.MEANINGS}
    done = await chaos.measure_jobs(options.runs, options.seed)
    done += await chaos.measure_sessions(options.runs, options.seed, GATEWAY_FAULTS)
    return figures | chaos.figures_of(done)


def hop_figures(found: Overheads) -> dict[str, float]:
    """The two ways, and what one takes longer than the other."""
    figures = {}
    for percent in (50, 99):
        local, remote = percentile(found.local_ms, percent), percentile(found.remote_ms, percent)
        figures[f"local_p{percent}_ms"] = local
        figures[f"remote_p{percent}_ms"] = remote
        figures[f"hop_p{percent}_ms"] = remote - local
    return figures
