"""`scripts/bench capacity`: the most speakers at once of whom the server keeps every word within a second of
its end (95th percentile), every final within half a second beyond the end silence (likewise), and loses
nothing; what latency does as their number grows; and what becomes of half again as many.

The speakers loop through the sample sessions, or through --recordings in which people hardly pause, the
longest first, each from another place. The clients run on this machine too;
what they use of it and how late they are is in the table. By default the sessions only transcribe; with
`--reply text` a local language model endpoint answers every turn.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.capacity.evaluation import overload_figures
from benchmarks.capacity.load import Timing
from benchmarks.capacity.ramp import Bench, Climb, overload_of
from benchmarks.capacity.search import Search
from benchmarks.capacity.tables import curves, print_curve, print_summary, summary
from benchmarks.command import (
    FIXED_END_SILENCE,
    FULL_RUNS,
    FULL_SECONDS,
    add_device,
    add_full,
    add_json,
    add_model,
    add_numbers,
    add_serve,
    chosen,
    counts,
    exits_on_errors,
    new_parser,
)
from benchmarks.recordings.material import about_recordings, add_recordings, speech
from benchmarks.report import write_json
from voicegw import config

STARTS = {"spread": ("spread",), "together": ("together",), "both": ("spread", "together")}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status, which is 1 when the server could not be measured."""
    options = _parser().parse_args(argv)
    if options.full:
        options.seconds, options.runs, options.starts = FULL_SECONDS, FULL_RUNS, "both"
    flags = ["--model", options.model, "--device", options.device, FIXED_END_SILENCE, *options.serve]
    server = config.load(flags)
    end_silence_ms = server.session.endpoint.end_silence_ms
    timing = Timing(options.seconds, options.warm_up_s)
    with speech(options, server.asr) as samples:
        bench = Bench(flags, end_silence_ms, timing, options.runs, options.reply, samples=samples)
        climbs, overload = asyncio.run(_measure(options, bench))
    _show(options, end_silence_ms, climbs, overload)
    return 0


async def _measure(options: argparse.Namespace, bench: Bench) -> tuple[dict[str, Climb], dict[str, float]]:
    """The climbs by how the speakers start, and the figures of the overload. Raises ClientError."""
    climbs: dict[str, Climb] = {}
    first = options.first
    for starts in STARTS[options.starts]:
        climb = Climb(replace(bench, together=starts == "together"), Search(first, options.limit))
        await (climb.visit(options.streams) if options.streams else climb.find())
        climbs[starts] = climb
        first = max(1, climb.streams_at_slo)
    held = next(iter(climbs.values())).streams_at_slo
    if not held or not options.overload:
        return climbs, {}
    run = await bench.run(overload_of(held, bench.timing.warm_up_s))
    return climbs, overload_figures(run, bench.end_silence_ms)


def _show(
    options: argparse.Namespace, end_silence_ms: int, climbs: dict[str, Climb], overload: dict[str, float]
) -> None:
    settings = _settings(options, end_silence_ms)
    found = summary(climbs, overload, cores=len(os.sched_getaffinity(0)), has_gpu=options.device == "cuda")
    for starts, climb in climbs.items():
        print_curve(climb, starts)
    print_summary(settings, found)
    if options.json is not None:
        write_json("capacity", settings, {**found, **curves(climbs)}, options.json)


def _settings(options: argparse.Namespace, end_silence_ms: int) -> dict[str, object]:
    settings = chosen(options, "model", "device", "reply", "starts", "seconds", "warm_up_s", "runs", "serve")
    return {**settings, **about_recordings(options), "end_silence_ms": end_silence_ms}


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("capacity", __doc__)
    add = parser.add_argument
    add(
        "--streams",
        type=counts,
        metavar="N,..",
        help="numbers to try, instead of a search that doubles and then halves the gap",
    )
    numbers = {
        "--first": (1, "streams at which the search begins"),
        "--limit": (256, "streams at which it ends"),
        "--seconds": (60.0, "steady state of a run"),
        "--warm-up-s": (10.0, "time before it, which is not evaluated"),
        "--runs": (1, "with each number of streams, all of which must hold"),
    }
    add_numbers(parser, numbers)
    add(
        "--starts",
        choices=STARTS,
        default="spread",
        help="first frames over one interval between partials, or all at once (default: %(default)s)",
    )
    add_full(parser, "both starts")
    add(
        "--overload",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a last run with half again as many (default: yes)",
    )
    add("--reply", choices=("none", "text"), default="none", help="what clients ask for (default: none)")
    add_recordings(parser)
    add_device(parser)
    add_model(parser)
    add_json(parser)
    add_serve(parser)
    return parser
