"""`scripts/plan`: the size of an installation for so many callers, and what saturates in it first.

The figures are measured: those of this project for the model and the device, or --measured with files that
`scripts/bench sizing`, `gateway` and `cluster` wrote on your machine; --set replaces single ones. A
discrete-event simulation finds the workers with which 95 % of the words are shown within 1 s and 95 % of the
finals come within 0.5 s after the end silence.

--fail ends one gateway, worker or Redis shard in the middle. --check compares the simulation with a real
server on this machine. --scaling tries the thresholds of the Kubernetes example while callers come.
--document does all of it for 1,000, 10,000 and 100,000 callers.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.command import add_device, add_json, chosen, counts, exits_on_errors, new_parser
from benchmarks.report import cell, console, print_settings, write_json
from benchmarks.sizing.autoscaling import GROWTH, RAMP_S, THRESHOLDS, before_growth, grow
from benchmarks.sizing.check import COMPARED, Comparison, compare
from benchmarks.sizing.deployment import ASSUMED, Deployment, Fault, Part, worker_slots
from benchmarks.sizing.document import write_document
from benchmarks.sizing.measured_figures import Measured, default_files, read
from benchmarks.sizing.planning import SLICE_CALLERS, Plan, plan
from benchmarks.sizing.simulation import simulate
from benchmarks.tracks import sessions
from voicegw.log_configuration import configure_logging

MEANINGS = {
    "gateways": "processes of `voicegw serve`, a core each",
    "workers": "processes of `voicegw worker`",
    "decodes_at_once": "batches that all workers decode side by side: cores, or GPUs",
    "redis_shards": "primaries of a Redis Cluster; 1 is a single server",
    "word_p50_ms": "from the end of a word until it is in its final place",
    "word_p95_ms": "the same, at the 95th percentile",
    "excess_final_p95_ms": "a final, beyond the end silence",
    "jobs_per_s": "decodes of all workers",
    "mean_batch": "windows decoded together",
    "clients_mb_per_s": "audio from callers to gateways: PCM at 16 kHz",
    "redis_in_mb_per_s": "from gateways and workers to Redis, all shards",
    "redis_out_mb_per_s": "from Redis to gateways and workers",
    "gateway_memory_gb": "of all gateways",
    "worker_memory_gb": "of all workers",
    "redis_memory_gb": "of all shards: windows and sessions of those who speak",
}
NUMBERS = {
    "--callers": (1000, "who are connected at once"),
    "--talk": (0.3, "share of the time in which each of them speaks"),
    "--cores": (4, "cores of a worker, as in scripts/deploy/kubernetes/worker.yaml"),
    "--simulated": (SLICE_CALLERS, "callers who are simulated at most; of more, a slice of the installation"),
    "--seconds": (30.0, "simulated, or measured with --check"),
}
_FAULT_AFTER = 1 / 3  # of the simulated time


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit status, which is 1 when callers are not served in time."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.callers < 1 or not 0 < options.talk <= 1:
        parser.error("--callers is 1 or more, --talk is above 0 and at most 1")
    configure_logging("error", as_json=False)
    files = options.measured or default_files(options.model, options.device)
    measured = Measured(ASSUMED).updated(read(files)).with_figures(dict(options.set))
    if options.check:
        return _check(options, measured)
    wanted = Deployment(options.callers, options.talk, slots=worker_slots(measured, options.cores))
    if options.scaling:
        return _grow(options, measured, wanted)
    if options.document:
        write_document(options.model, wanted, measured, options.seconds, options.simulated)
        return 0
    return _plan(options, measured, wanted)


def _plan(options: argparse.Namespace, measured: Measured, wanted: Deployment) -> int:
    found = plan(wanted, measured, options.seconds, options.simulated, options.shards)
    figures = found.figures()
    settings = chosen(options, "callers", "talk", "model", "device", "cores", "seconds")
    printer = console()
    print_settings(printer, "plan", settings)
    for source in measured.sources:
        printer.print(f"measured: {source}")
    printer.print(_figures_table(figures))
    printer.print(_shares_table(found))
    printer.print(found.verdict)
    if found.simulated != found.deployment:
        printer.print(f"simulated: a slice of {found.simulated.callers} callers")
    for part in options.fail:
        figures |= _fail(found, Part[part.upper()], options.seconds)
    if options.json is not None:
        write_json("plan", settings | {"measured": list(measured.sources)}, figures, options.json)
    return 0 if found.in_time else 1


def _fail(found: Plan, part: Part, seconds: float) -> dict[str, float]:
    """The words of each second around the end of one of the parts, printed and by name."""
    at_s = int(seconds * _FAULT_AFTER)
    outcome = simulate(found.simulated, found.measured, seconds, [Fault(part, at_s)])
    worst_s, late = outcome.worst_second_s(at_s), outcome.late_seconds(at_s)
    count = found.simulated.count(part)
    print(
        f"one {part} of {count} ends: word p95 {1000 * outcome.word_p95_s:.0f} ms over {seconds:g} s, "
        f"{1000 * worst_s:.0f} ms in the worst second, beyond 1 s for {late} s; "
        f"{outcome.lost_words} words waited for it, p95 {1000 * outcome.lost_word_p95_s:.0f} ms"
    )
    return {
        f"{part.name.lower()}_fault_word_p95_ms": 1000 * outcome.word_p95_s,
        f"{part.name.lower()}_fault_worst_second_ms": 1000 * worst_s,
        f"{part.name.lower()}_fault_late_s": late,
        f"{part.name.lower()}_fault_waiting_word_p95_ms": 1000 * outcome.lost_word_p95_s,
    }


def _grow(options: argparse.Namespace, measured: Measured, wanted: Deployment) -> int:
    before = before_growth(wanted, measured)
    found = [grow(before, measured, threshold) for threshold in THRESHOLDS]
    table = Table("workers added from a busy share of", "word p95", "worst second", "s late", "workers")
    for one in found:
        table.add_row(f"{one.threshold:g}", *(f"{value:.0f}" for value in one.row.values()))
    printer = console()
    printer.print(f"{before.callers} callers become {GROWTH * before.callers} in {RAMP_S:g} s; words in ms")
    printer.print(table)
    if options.json is not None:
        figures = {f"{name}_at_{one.threshold:g}": value for one in found for name, value in one.row.items()}
        write_json("plan-scaling", {"callers": GROWTH * before.callers}, figures, options.json)
    return 0


def _figures_table(figures: dict[str, float]) -> Table:
    table = Table("figure", "value", "meaning")
    for name, value in figures.items():
        table.add_row(name, cell(value), MEANINGS[name])
    return table


def _shares_table(found: Plan) -> Table:
    table = Table("part, busiest first", "count", "busy %", "to plan with, %", "callers for each")
    for part in found.utilisations:
        each = part.callers_each(found.deployment.callers)
        shares = (f"{100 * share:.0f}" for share in (part.share, part.limit))
        table.add_row(part.name, str(part.count), *shares, f"{each:.0f}")
    return table


def _check(options: argparse.Namespace, measured: Measured) -> int:
    flags = ["--model", options.model, "--device", options.device, "--workers", str(options.workers)]
    found = [
        asyncio.run(compare(streams, flags, measured, options.seconds, sessions()))
        for streams in options.streams
    ]
    console().print(_check_table(found))
    if options.json is not None:
        settings = chosen(options, "model", "device", "workers", "seconds")
        write_json("plan-check", settings, _check_figures(found), options.json)
    for one in found:
        for name in one.apart:
            print(f"{one.streams} streams: {name} is {100 * one.differs(name):+.0f} % apart", file=sys.stderr)
    return 1 if any(one.apart for one in found) else 0


def _check_table(found: Sequence[Comparison]) -> Table:
    table = Table("streams", "figure", "measured", "simulated", "difference")
    for one in found:
        for name in COMPARED:
            values = (cell(each[name]) for each in (one.real, one.simulated))
            table.add_row(str(one.streams), name, *values, f"{100 * one.differs(name):+.0f} %")
    return table


def _check_figures(found: Sequence[Comparison]) -> dict[str, float]:
    return {
        f"{way}_{name}_at_{one.streams}": values[name]
        for one in found
        for way, values in (("measured", one.real), ("simulated", one.simulated))
        for name in COMPARED
    }


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"NAME=NUMBER, not {text!r}") from None


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("plan", __doc__, add_device, add_json, numbers=NUMBERS)
    parser.prog = "scripts/plan"
    add: Any = parser.add_argument
    add("--model", default="base", help="whose figures: base, bundled, or that of --measured (default: base)")
    add("--measured", nargs="+", type=Path, metavar="FILE", help="figures; later files replace earlier ones")
    add("--set", nargs="+", type=_setting, default=[], metavar="NAME=VALUE", help="replace measured figures")
    add("--shards", type=int, metavar="N", help="Redis shards that there are, instead of those needed")
    add("--fail", nargs="+", default=[], choices=[part.name.lower() for part in Part], help="what ends")
    add("--scaling", action="store_true", help="try the autoscaling thresholds while callers come")
    add("--document", action="store_true", help="write the figures of scripts/deploy/sizing.md anew")
    add("--check", action="store_true", help="compare with a real server")
    add("--streams", type=counts, default=[2, 4, 8], metavar="N,..", help="of --check (default: 2,4,8)")
    add("--workers", type=int, default=1, metavar="N", help="of --check: decodes at once (default: 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
