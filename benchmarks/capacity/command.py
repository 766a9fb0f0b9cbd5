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
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.arguments import FIXED_END_SILENCE, add_device, add_json, add_model, add_serve, new_parser
from benchmarks.capacity.chart import svg
from benchmarks.capacity.climbing import Bench, Climb, overload_of
from benchmarks.capacity.crowd import Timing
from benchmarks.capacity.judging import overload_figures
from benchmarks.capacity.search import Search
from benchmarks.capacity.tables import curves, print_curve, print_summary, summary
from benchmarks.recordings.material import about_recordings, add_recordings, speech
from benchmarks.report import write_json
from clients.errors import ClientError
from voicegw import config
from voicegw.errors import StartupError

FULL_SECONDS, FULL_RUNS = 120.0, 3
STARTS = {"spread": ("spread",), "together": ("together",), "both": ("spread", "together")}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status, which is 1 when the server could not be measured."""
    options = _parser().parse_args(argv)
    if options.full:
        options.seconds, options.runs, options.starts = FULL_SECONDS, FULL_RUNS, "both"
    flags = ["--model", options.model, "--device", options.device, FIXED_END_SILENCE, *options.serve]
    try:
        server = config.load(flags)
        end_silence_ms = server.session.endpoint.end_silence_ms
        timing = Timing(options.seconds, options.warm_up_s)
        with speech(options, server.asr) as samples:
            bench = Bench(flags, end_silence_ms, timing, options.runs, options.reply, samples=samples)
            climbs, overload = asyncio.run(_measure(options, bench))
    except (ClientError, StartupError) as error:
        print(error, file=sys.stderr)
        return 1
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
    if options.plot is not None:
        curve = next(iter(climbs.values())).curve
        options.plot.write_text(svg(curve, f"voicegw, model {options.model}, on {options.device}"))


def _settings(options: argparse.Namespace, end_silence_ms: int) -> dict[str, object]:
    kept = ("model", "device", "reply", "starts", "seconds", "warm_up_s", "runs", "serve")
    settings = {name: getattr(options, name) for name in kept}
    return {**settings, **about_recordings(options), "end_silence_ms": end_silence_ms}


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("capacity", __doc__)
    add = parser.add_argument
    add(
        "--streams",
        type=_counts,
        metavar="N,..",
        help="numbers to try, instead of a search that doubles and then halves the gap",
    )
    add("--first", type=int, default=1, metavar="N", help="where the search begins (default: %(default)s)")
    add("--limit", type=int, default=256, metavar="N", help="where it ends (default: %(default)s)")
    add(
        "--starts",
        choices=STARTS,
        default="spread",
        help="first frames over one interval between partials, or all at once (default: %(default)s)",
    )
    add("--seconds", type=float, default=60.0, help="steady state of a run (default: %(default)g)")
    add("--warm-up-s", type=float, default=10.0, help="what is not judged before it (default: %(default)g)")
    add("--runs", type=int, default=1, help="with each number, all of which must hold (default: %(default)s)")
    add("--full", action="store_true", help=f"{FULL_SECONDS:g} s, {FULL_RUNS} runs of each, both starts")
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
    add("--plot", type=_picture, metavar="FILE.svg", help="draw latency over streams")
    add_serve(parser)
    return parser


def _counts(text: str) -> list[int]:
    try:
        counts = sorted({int(number) for number in text.split(",")})
    except ValueError:
        counts = [0]
    if counts[0] < 1:
        raise argparse.ArgumentTypeError(f"numbers above 0 with commas, not {text!r}")
    return counts


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".svg":
        raise argparse.ArgumentTypeError("the picture is an SVG: give a name that ends in .svg")
    return path
