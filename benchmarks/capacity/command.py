"""`scripts/bench capacity`: the most simultaneous speakers within the latency objective.

The objective: at the 95th percentile, a word is shown within 1 s of its end and a final within 0.5 s beyond
the end silence, and nothing is lost. The benchmark also measures latency by the number of speakers, and
overload with 50 % more.

The speakers loop through the sample sessions, or through --recordings with few pauses, longest first, from
different positions. The clients run on this machine too; their CPU time and lateness are in the table. By
default the sessions only transcribe; with `--reply text` a local language model endpoint answers every turn.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence

from benchmarks.capacity.evaluation import overload_figures
from benchmarks.capacity.load import Timing
from benchmarks.capacity.ramp import Bench, Ramp, overload_of
from benchmarks.capacity.search import Search
from benchmarks.capacity.tables import curve, print_curve, print_summary, summary
from benchmarks.command import (
    FIXED_END_SILENCE,
    add_device,
    add_json,
    add_model,
    add_serve,
    chosen,
    counts,
    exits_on_errors,
    new_parser,
)
from benchmarks.recordings.material import about_recordings, add_recordings, speech
from benchmarks.report import write_json
from voicegw import config

NUMBERS = {
    "--first": (1, "streams at which the search begins"),
    "--limit": (256, "streams at which it ends"),
    "--seconds": (60.0, "steady state of a run"),
    "--warm-up-s": (10.0, "time before it, which is not evaluated"),
    "--runs": (1, "with each number of streams, all of which must hold"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status, which is 1 when the server could not be measured."""
    options = _parser().parse_args(argv)
    flags = ["--model", options.model, "--device", options.device, FIXED_END_SILENCE, *options.serve]
    server = config.load(flags)
    end_silence_ms = server.session.endpoint.end_silence_ms
    timing = Timing(options.seconds, options.warm_up_s)
    with speech(options, server.asr) as samples:
        bench = Bench(flags, end_silence_ms, timing, options.runs, options.reply, samples=samples)
        ramp, overload = asyncio.run(_measure(options, bench))
    _show(options, end_silence_ms, ramp, overload)
    return 0


async def _measure(options: argparse.Namespace, bench: Bench) -> tuple[Ramp, dict[str, float]]:
    """The figures by the number of speakers, and those of the overload. Raises ClientError."""
    ramp = Ramp(bench, Search(options.first, options.limit))
    await (ramp.try_all(options.streams) if options.streams else ramp.find())
    if not ramp.streams_at_slo or not options.overload:
        return ramp, {}
    run = await bench.run(overload_of(ramp.streams_at_slo, bench.timing.warm_up_s))
    return ramp, overload_figures(run, bench.end_silence_ms)


def _show(options: argparse.Namespace, end_silence_ms: int, ramp: Ramp, overload: dict[str, float]) -> None:
    settings = _settings(options, end_silence_ms)
    found = summary(ramp, overload, cores=len(os.sched_getaffinity(0)), has_gpu=options.device == "cuda")
    print_curve(ramp)
    print_summary(settings, found)
    if options.json is not None:
        write_json("capacity", settings, {**found, **curve(ramp)}, options.json)


def _settings(options: argparse.Namespace, end_silence_ms: int) -> dict[str, object]:
    settings = chosen(options, "model", "device", "reply", "seconds", "warm_up_s", "runs", "serve")
    return {**settings, **about_recordings(options), "end_silence_ms": end_silence_ms}


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "capacity", __doc__, add_recordings, add_device, add_model, add_json, add_serve, numbers=NUMBERS
    )
    add = parser.add_argument
    add(
        "--streams",
        type=counts,
        metavar="N,..",
        help="numbers to try, instead of a binary search",
    )
    add(
        "--overload",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a last run with 50 %% more speakers (default: yes)",
    )
    add(
        "--reply",
        choices=("none", "text"),
        default="none",
        help="replies that clients request (default: none)",
    )
    return parser
