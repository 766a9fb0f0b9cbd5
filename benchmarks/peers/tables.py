"""The result for the reader: how each server was run, the figures side by side, the ratios, the curve."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.rounds import RATIOS, Candidate, ratios
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


def print_tables(candidates: Sequence[Candidate], settings: Mapping[str, Any]) -> None:
    """Print everything."""
    printer = console()
    print_settings(printer, "peers", settings)
    for one in candidates:
        printer.print(f"{one.peer.name} {description(one)}", markup=False)
    _print_figures(printer, candidates)
    _print_ratios(printer, candidates)
    _print_curve(printer, candidates)


def description(one: Candidate) -> str:
    """The version of a server and how it was run; why it was left out, if it was."""
    gave_up = f"; gave up {_in_one_line(one.failure)}" if one.failure else ""
    return f"{one.peer.version}: {one.peer.settings}{gave_up}"


def _print_figures(printer: Console, candidates: Sequence[Candidate]) -> None:
    table = Table("one stream", *(one.peer.name for one in candidates), "meaning")
    for figure, meaning in MEANINGS.items():
        table.add_row(figure, *(_shown(one.summary.get(figure)) for one in candidates), meaning)
    printer.print(table)


def _print_ratios(printer: Console, candidates: Sequence[Candidate]) -> None:
    found, others = ratios(candidates), candidates[1:]
    table = Table(f"{candidates[0].peer.name} ÷", *(one.peer.name for one in others))
    for ratio in RATIOS:
        table.add_row(ratio, *(_shown(found[f"{ratio}_{one.peer.name}"]) for one in others))
    printer.print(table)


def _print_curve(printer: Console, candidates: Sequence[Candidate]) -> None:
    table = Table("streams: word p50 / p95 in ms", *(one.peer.name for one in candidates))
    for streams in sorted({number for one in candidates for number in one.curve}):
        table.add_row(str(streams), *(_latencies(one.curve.get(streams)) for one in candidates))
    printer.print(table)


def _latencies(figures: Mapping[str, float] | None) -> str:
    return f"{figures['wel_p50_ms']:.0f} / {figures['wel_p95_ms']:.0f}" if figures else "–"


def _in_one_line(failure: str) -> str:
    first, *more = failure.splitlines()
    return f"{first}: {more[-1]}" if more else first


def _shown(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else cell(value)
