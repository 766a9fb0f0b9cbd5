"""What recognition by workers behind Redis costs and how it scales, with real processes on this machine.

Overhead: decodes by a local worker process and by a worker behind Redis alternate, one at a time; the
overhead is the time from the request to the answer without the decoding. Traffic: bytes and CPU time for each
second of speech on a Redis Cluster, with whole windows and with only new audio, of the samples or of
--recordings. Scaling: jobs a second of one worker and of two, of one process each, which always have jobs.
Reconnect and takeover: as in `scripts/bench chaos reconnect`, and the same where a gateway is killed with all
its sessions. Recovery: faults as in `scripts/bench chaos faults`, of workers and Redis during jobs, of
gateways while recordings are played.
"""

import argparse
import asyncio
from collections.abc import Sequence

from benchmarks.chaos import fault_campaign, reconnect
from benchmarks.chaos.faults import GATEWAY_FAULTS
from benchmarks.cluster.hop import Overheads, overheads
from benchmarks.cluster.scaling import jobs_per_second
from benchmarks.cluster.traffic import meanings, traffic_figures
from benchmarks.command import Result, add_json, chosen, exits_on_errors, new_parser
from benchmarks.measures import percentile
from benchmarks.recordings.material import about_recordings, add_recordings, spoken
from voicegw.log_configuration import configure_logging

MEANINGS = {
    "local_p50_ms": "a decode by a local process: time beyond the decoding",
    "local_p99_ms": "the same, at the 99th percentile",
    "remote_p50_ms": "a decode by a worker behind Redis: time beyond the decoding",
    "remote_p99_ms": "the same, at the 99th percentile",
    "hop_p50_ms": "what Redis adds: the difference of the medians",
    "hop_p99_ms": "the difference of the 99th percentiles",
    **meanings(),
    "jobs_per_s_1_worker": "windows of 1 to 8 s decoded",
    "jobs_per_s_2_workers": "the same by two workers",
    "worker_scaling_ratio": "two workers over one",
    **reconnect.MEANINGS,
    "takeover_back_s": "a gateway is killed with all its sessions: until the last is at another gateway",
    "takeover_lost": "clients whose session was lost, or who did not come back",
    **{f"takeover_{name}": f"there: {meaning}" for name, meaning in reconnect.UNAFFECTED_MEANINGS.items()},
    **{name: meaning for name, meaning in fault_campaign.MEANINGS.items() if name != "fault_runs"},
    "fault_runs": fault_campaign.MEANINGS["fault_runs"],
}
NUMBERS = {
    "--decodes": (500, "local and remote decodes, each"),
    "--seconds": (20.0, "for counting jobs, and for each part of the traffic"),
    "--clients": (200, "whose connections are reset"),
    "--runs": (20, "faults of each kind"),
    "--seed": (1, "of the faults"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    parser = new_parser("cluster", __doc__, add_recordings, add_json, numbers=NUMBERS)
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be repeated")
    options = parser.parse_args(argv)
    configure_logging("error", as_json=False)
    figures = asyncio.run(_measure(options))
    settings = chosen(options, "decodes", "seconds", "clients", "runs", "seed")
    settings |= about_recordings(options)
    return Result(settings, figures, MEANINGS).report("cluster", options.json)


async def _measure(options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    for part in options.only or PARTS:
        figures |= await PARTS[part](options)
    return figures


async def _hop(options: argparse.Namespace) -> dict[str, float]:
    return hop_figures(await overheads(options.decodes))


async def _traffic(options: argparse.Namespace) -> dict[str, float]:
    return await traffic_figures(options.seconds, spoken(options))


async def _scaling(options: argparse.Namespace) -> dict[str, float]:
    one = await jobs_per_second(1, options.seconds)
    two = await jobs_per_second(2, options.seconds)
    return {"jobs_per_s_1_worker": one, "jobs_per_s_2_workers": two, "worker_scaling_ratio": two / one}


async def _reconnect(options: argparse.Namespace) -> dict[str, float]:
    figures = reconnect.figures_of(await reconnect.measure(options.clients))
    return figures | reconnect.takeover_figures(await reconnect.takeover(options.clients))


async def _recovery(options: argparse.Namespace) -> dict[str, float]:
    done = await fault_campaign.measure_jobs(options.runs, options.seed)
    done += await fault_campaign.measure_sessions(options.runs, options.seed, GATEWAY_FAULTS)
    return fault_campaign.figures_of(done)


PARTS = {
    "overhead": _hop,
    "traffic": _traffic,
    "scaling": _scaling,
    "reconnect": _reconnect,
    "recovery": _recovery,
}


def hop_figures(found: Overheads) -> dict[str, float]:
    """The two ways, and what one takes longer than the other."""
    figures = {}
    for percent in (50, 99):
        local, remote = percentile(found.local_ms, percent), percentile(found.remote_ms, percent)
        figures[f"local_p{percent}_ms"] = local
        figures[f"remote_p{percent}_ms"] = remote
        figures[f"hop_p{percent}_ms"] = remote - local
    return figures
