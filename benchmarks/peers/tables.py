"""The result for the reader: how each server was run, the figures side by side, the ratios, the curve."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.contest import RATIOS, Contestant, ratios
from benchmarks.report import cell, console, print_settings

MEANINGS = {
    "streams_at_slo": "held with word p95 within 1 s",
    "wel_p50_ms": "word in its place, after its end",
    "wel_p95_ms": "the same, 95th percentile",
    "fl_p50_ms": "utterance finished, after its end",
    "fl_p95_ms": "the same, 95th percentile",
    "excess_fl_p50_ms": "of that, beyond the end silence",
    "excess_fl_p95_ms": "the same, 95th percentile",
    "unfinished": "utterances never finished",
    "upwr": "partial words changed, per word",
    "wer_percent": "word errors",
    "coverage_percent": "reference words recognised",
    "cpu_s_per_audio_s": "CPU seconds per second of audio",
    "troubles": "errors, warnings and refusals",
    "elsewhere_cores": "cores busy with something else",
    "client_late_max_ms": "worst lateness of the client itself",
}


def print_tables(contestants: Sequence[Contestant], settings: Mapping[str, Any]) -> None:
    """Print everything."""
    printer = console()
    print_settings(printer, "peers", settings)
    for one in contestants:
        printer.print(f"{one.peer.name} {one.peer.version}: {one.peer.settings}")
        if one.trouble:
            printer.print(f"  gave up {_in_one_line(one.trouble)}", markup=False)
    _print_figures(printer, contestants)
    _print_ratios(printer, contestants)
    _print_curve(printer, contestants)


def _print_figures(printer: Console, contestants: Sequence[Contestant]) -> None:
    table = Table("one stream", *(one.peer.name for one in contestants), "meaning")
    for figure, meaning in MEANINGS.items():
        table.add_row(figure, *(_shown(one.summary.get(figure)) for one in contestants), meaning)
    printer.print(table)


def _print_ratios(printer: Console, contestants: Sequence[Contestant]) -> None:
    found, others = ratios(contestants), contestants[1:]
    table = Table(f"{contestants[0].peer.name} ÷", *(one.peer.name for one in others))
    for ratio in RATIOS:
        table.add_row(ratio, *(_shown(found[f"{ratio}_{one.peer.name}"]) for one in others))
    printer.print(table)


def _print_curve(printer: Console, contestants: Sequence[Contestant]) -> None:
    table = Table("streams: word p50 / p95 in ms", *(one.peer.name for one in contestants))
    for streams in sorted({number for one in contestants for number in one.curve}):
        table.add_row(str(streams), *(_latencies(one.curve.get(streams)) for one in contestants))
    printer.print(table)


def _latencies(figures: Mapping[str, float] | None) -> str:
    return f"{figures['wel_p50_ms']:.0f} / {figures['wel_p95_ms']:.0f}" if figures else "–"


def _in_one_line(trouble: str) -> str:
    first, *more = trouble.splitlines()
    return f"{first}: {more[-1]}" if more else first


def _shown(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else cell(value)
