"""What recognition by workers behind Redis costs and how it scales, with real processes on this machine.

Overhead: decodes by a local worker process and by a worker behind Redis alternate, one at a time; the
overhead is the time from the request to the answer without the decoding. Windows: what it would save to send
only new audio. Scaling: jobs a second of one worker and of two, of one process each, which always have jobs.
Reconnect and takeover: as in `scripts/bench chaos reconnect`, and the same where a gateway is killed with all
its sessions. Recovery: faults as in `scripts/bench chaos faults`, of workers and Redis during jobs, of
gateways while recordings are played.
"""

import argparse
import asyncio
from collections.abc import Sequence

from benchmarks.chaos import fault_campaign, reconnect
from benchmarks.chaos.faults import GATEWAY_FAULTS
from benchmarks.chaos.installation import installation
from benchmarks.cluster.hop import Overheads, overheads
from benchmarks.cluster.scaling import jobs_per_second
from benchmarks.cluster.windows import windows_figures
from benchmarks.command import Result, add_json, chosen, exits_on_errors, new_parser
from benchmarks.measures import percentile
from voicegw.log_configuration import configure_logging

MEANINGS = {
    "local_p50_ms": "a decode by a local process: time beyond the decoding",
    "local_p99_ms": "the same, at the 99th percentile",
    "remote_p50_ms": "a decode by a worker behind Redis: time beyond the decoding",
    "remote_p99_ms": "the same, at the 99th percentile",
    "hop_p50_ms": "what Redis adds: the difference of the medians",
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
    **reconnect.MEANINGS,
    "takeover_back_s": "a gateway is killed with all its sessions: until the last is at another gateway",
    "takeover_lost": "clients whose session was lost, or who did not come back",
    **{f"takeover_{name}": f"there: {meaning}" for name, meaning in reconnect.UNAFFECTED_MEANINGS.items()},
    **{name: meaning for name, meaning in fault_campaign.MEANINGS.items() if name != "fault_runs"},
    "fault_runs": fault_campaign.MEANINGS["fault_runs"],
}
NUMBERS = {
    "--decodes": (500, "local and remote decodes, each"),
    "--seconds": (20.0, "for counting jobs"),
    "--clients": (200, "whose connections are reset"),
    "--runs": (20, "faults of each kind"),
    "--seed": (1, "of the faults"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = new_parser("cluster", __doc__, add_json, numbers=NUMBERS).parse_args(argv)
    configure_logging("error", as_json=False)
    figures = asyncio.run(_measure(options))
    settings = chosen(options, "decodes", "seconds", "clients", "runs", "seed")
    return Result(settings, figures, MEANINGS).report("cluster", options.json)


async def _measure(options: argparse.Namespace) -> dict[str, float]:
    figures = hop_figures(await overheads(options.decodes))
    async with installation(workers=0) as there:
        figures |= await windows_figures(there.redis, options.decodes)
    one = await jobs_per_second(1, options.seconds)
    two = await jobs_per_second(2, options.seconds)
    figures |= {"jobs_per_s_1_worker": one, "jobs_per_s_2_workers": two, "worker_scaling_ratio": two / one}
    figures |= reconnect.figures_of(await reconnect.measure(options.clients))
    figures |= reconnect.takeover_figures(await reconnect.takeover(options.clients))
    done = await fault_campaign.measure_jobs(options.runs, options.seed)
    done += await fault_campaign.measure_sessions(options.runs, options.seed, GATEWAY_FAULTS)
    return figures | fault_campaign.figures_of(done)


def hop_figures(found: Overheads) -> dict[str, float]:
    """The two ways, and what one takes longer than the other."""
    figures = {}
    for percent in (50, 99):
        local, remote = percentile(found.local_ms, percent), percentile(found.remote_ms, percent)
        figures[f"local_p{percent}_ms"] = local
        figures[f"remote_p{percent}_ms"] = remote
        figures[f"hop_p{percent}_ms"] = remote - local
    return figures
