"""What one frame and one connection cost in the gateway, apart from recognition and replies.

The gateway is the real one; recognition hears no words, in no time. A frame is 20 ms of speech. CPU time is
the server process's, against that of a bare receive loop of the `websockets` package, which was given the
same frames in the same run: the servers take turns, and each turn's ratio is taken by itself. The clients
are other processes, and send on schedule, spread over the 20 ms.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.command import Result, add_json, chosen, exits_on_errors, new_parser
from benchmarks.gateway import bench
from benchmarks.gateway.bench import Cost
from benchmarks.gateway.requests import AttemptResults
from benchmarks.measures import percentile
from clients.audio import FRAME_S

REFUSED = 503
ACTIVE_S = 2.0
MEANINGS = {
    "frame_bare_us": "CPU time a frame, of the bare loop; medians of the turns",
    "frame_us": "of the gateway without voice activity detection",
    "frame_vad_us": "of the gateway",
    "frame_cost_ratio": "the gateway without voice activity detection over the bare loop",
    "frame_cost_ratio_least": "the same in the turn where it was least",
    "frame_cost_ratio_most": "and where it was most",
    "frame_cost_ratio_vad": "the gateway over the bare loop",
    "lone_frame_bare_us": "CPU time a frame when only one session streams, of the bare loop",
    "lone_frame_us": "of the gateway without voice activity detection",
    "lone_frame_vad_us": "of the gateway",
    "lone_frame_cost_ratio": "the gateway without voice activity detection over the bare loop",
    "call_frame_bare_us": "CPU time a packet of a Twilio call in which nobody speaks, of the bare loop",
    "call_frame_vad_us": "of the gateway",
    "call_frame_cost_ratio_vad": "the gateway over the bare loop",
    "calls_core_percent": "of a core, for all such calls",
    "client_late_p99_ms": "frames sent after they were due",
    "idle_connection_bytes": "resident memory for each open connection",
    "idle_connection_bare_bytes": "the same of the bare loop",
    "active_connection_bytes": "for each one that has streamed 2 s of speech",
    "loop_lag_p50_ms": "the event loop gets to a timer after it was due, while all stream",
    "loop_lag_p99_ms": "the same, at the 99th percentile",
    "refusals": "attempts refused while the sessions that are in stream",
    "refusal_p50_ms": "from the attempt to connect to the refusal",
    "refusal_p95_ms": "the same, at the 95th percentile",
}
NUMBERS = {
    "--streams": (100, "sessions that stream"),
    "--seconds": (5.0, "of each run"),
    "--repeats": (5, "runs of each server"),
    "--connections": (1000, "for memory"),
    "--calls": (100, "telephone calls in which nobody speaks"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    options = new_parser("gateway", __doc__, add_json, numbers=NUMBERS).parse_args(argv)
    figures = asyncio.run(_measure(options))
    settings = chosen(options, "streams", "seconds", "repeats", "connections", "calls")
    return Result(settings, figures, MEANINGS).report("gateway", options.json)


async def _measure(options: argparse.Namespace) -> dict[str, float]:
    costs = await bench.frame_costs(options.streams, options.seconds, options.repeats)
    lone = await bench.frame_costs(1, options.seconds, options.repeats)
    calls = await bench.frame_costs(options.calls, options.seconds, options.repeats, calls=True)
    memory = await bench.memory("gateway_vad", options.connections, ACTIVE_S)
    bare = await bench.memory("bare", options.connections, ACTIVE_S)
    lags_ms = await bench.loop_lags_ms(options.streams, options.seconds)
    refused = await bench.refusals(options.streams, options.seconds)
    return {
        **cost_figures(costs),
        **{f"lone_{name}": value for name, value in cost_figures(lone).items() if name in LONE},
        **call_figures(calls, options.calls),
        "idle_connection_bytes": memory.idle_bytes,
        "idle_connection_bare_bytes": bare.idle_bytes,
        "active_connection_bytes": memory.active_bytes,
        "loop_lag_p50_ms": percentile(lags_ms, 50),
        "loop_lag_p99_ms": percentile(lags_ms, 99),
        **refusal_figures(refused),
    }


LONE = ("frame_bare_us", "frame_us", "frame_vad_us", "frame_cost_ratio")


def cost_figures(costs: Mapping[str, Sequence[Cost]]) -> dict[str, float]:
    """Medians over the turns, and the spread of the ratio that is compared."""
    in_us = {kind: [cost.frame_us for cost in of_kind] for kind, of_kind in costs.items()}
    ratios, with_vad = (
        [cost / bare for cost, bare in zip(in_us[kind], in_us["bare"], strict=True)]
        for kind in ("gateway", "gateway_vad")
    )
    return {
        "frame_bare_us": median(in_us["bare"]),
        "frame_us": median(in_us["gateway"]),
        "frame_vad_us": median(in_us["gateway_vad"]),
        "frame_cost_ratio": median(ratios),
        "frame_cost_ratio_least": min(ratios),
        "frame_cost_ratio_most": max(ratios),
        "frame_cost_ratio_vad": median(with_vad),
        "client_late_p99_ms": max(cost.late_p99_ms for of_kind in costs.values() for cost in of_kind),
    }


def call_figures(costs: Mapping[str, Sequence[Cost]], calls: int) -> dict[str, float]:
    """The same of calls in which nobody speaks."""
    found = cost_figures(costs)
    kept = {f"call_{name}": found[name] for name in ("frame_bare_us", "frame_vad_us", "frame_cost_ratio_vad")}
    return {**kept, "calls_core_percent": 100 * calls * found["frame_vad_us"] / 1e6 / FRAME_S}


def refusal_figures(refused: AttemptResults) -> dict[str, float]:
    """Of the attempts that were refused, which should be all of them."""
    refused_ms = [
        ms for status, ms in zip(refused.statuses, refused.answered_ms, strict=True) if status == REFUSED
    ]
    return {
        "refusals": len(refused_ms),
        "refusal_p50_ms": percentile(refused_ms, 50),
        "refusal_p95_ms": percentile(refused_ms, 95),
    }
