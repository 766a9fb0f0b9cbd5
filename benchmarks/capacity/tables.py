"""The result as tables and as named figures: by the number of streams, and the summary."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.capacity.evaluation import is_disturbed, lacks_cpu
from benchmarks.capacity.ramp import Ramp
from benchmarks.report import cell, console, report

SUMMARY = {
    "streams_at_slo": "most streams with word p95 and final p95 in time, nothing lost, no error",
    "streams_at_slo_per_core": "the same per core of this machine, on which the clients run too",
    "streams_at_slo_per_gpu": "the same per GPU",
    "speech_percent": "share of the audio that is speech, with that many streams",
    "v2t_p95_ms": "first reply token, after the end of the last word, with that many",
    "cpu_s_per_audio_s": "CPU seconds of the server per second of audio, with that many",
    "gateway_cpu_s_per_audio_s": "the gateway's part of it",
    "client_cpu_s_per_audio_s": "CPU seconds of the clients",
    "memory_mb": "resident memory of the server and its recognition processes at the end, with that many",
    "others_cpu_percent": "share of the machine that other processes used",
    "overload_streams": "speakers in the run with 50 % more",
    "overload_wel_p95_ms": "from the end of a word until it is in its final place; admitted speakers",
    "overload_excess_fl_p95_ms": "a final, beyond the configured end silence; admitted speakers",
    "overload_lost_samples": "samples of admitted speakers, neither acknowledged nor covered by a final",
    "overload_errors": "error messages, and sessions that broke or were not finished",
    "overload_coverage_percent": "recognised words of admitted speakers",
    "overload_refused": "speakers that were never admitted",
    "refusals": "refused connections; clients retry when the server tells them to",
    "refusal_p95_ms": "from the attempt to connect to the refusal",
    "overload_client_late_p99_ms": "lateness of frames that the clients sent",
    "overload_others_cpu_percent": "share of the machine that other processes used",
}
CURVE = {
    "lost_samples": "lost",
    "errors": "errors",
    "coverage_percent": "words %",
    "cpu_s_per_audio_s": "CPU",
    "gateway_cpu_s_per_audio_s": "gateway",
    "client_cpu_s_per_audio_s": "clients",
    "others_cpu_percent": "others %",
    "client_late_p99_ms": "late",
}
AT_SLO = (
    "speech_percent",
    "v2t_p95_ms",
    "cpu_s_per_audio_s",
    "gateway_cpu_s_per_audio_s",
    "client_cpu_s_per_audio_s",
    "memory_mb",
    "others_cpu_percent",
)
LEGEND = (
    "word: in its final place, after its end; final: after the last word, beyond the end silence; in ms. "
    "lost: samples. words %: recognised. CPU, gateway, clients: CPU seconds per audio second of the server, "
    "of that its gateway, and of the clients beside it. others %: of the machine, used by anything else. "
    "late: frames sent after they were due, p99 in ms."
)


def summary(ramp: Ramp, overload: Mapping[str, float], *, cores: int, has_gpu: bool) -> dict[str, float]:
    """The figures that are compared."""
    held = ramp.streams_at_slo
    return {
        "streams_at_slo": held,
        "streams_at_slo_per_core": held / cores,
        **({"streams_at_slo_per_gpu": held} if has_gpu else {}),
        **{name: value for name, value in ramp.curve.get(held, {}).items() if name in AT_SLO},
        **overload,
    }


def curve(ramp: Ramp) -> dict[str, float]:
    """Every figure of every number of streams: `wel_p95_ms_at_8`."""
    return {
        f"{figure}_at_{streams}": value
        for streams, found in sorted(ramp.curve.items())
        for figure, value in found.items()
    }


def print_curve(ramp: Ramp) -> None:
    """Print a row for every number of streams, with what missed the objective."""
    table = Table("streams", "word p50 / p95", "final p50 / p95", *CURVE.values(), "missed")
    for streams, short in sorted(ramp.short.items()):
        table.add_row(str(streams), *_cells(ramp.curve.get(streams)), ", ".join(short))
    printer = console()
    printer.print(table)
    printer.print(LEGEND)
    _warn(printer, ramp, lacks_cpu, "The clients themselves were late, which adds to the latency")
    _warn(
        printer,
        ramp,
        is_disturbed,
        "Other processes used much of the machine, which may hold more streams than this",
    )


def _warn(printer: Console, ramp: Ramp, applies: Callable[[Mapping[str, float]], bool], what: str) -> None:
    numbers = [str(streams) for streams, found in sorted(ramp.curve.items()) if applies(found)]
    if numbers:
        printer.print(f"{what} (streams: {', '.join(numbers)}).")


def _cells(found: Mapping[str, float] | None) -> list[str]:
    if found is None:
        return ["–"] * (len(CURVE) + 2)
    spreads = (
        f"{found[f'{name}_p50_ms']:.0f} / {found[f'{name}_p95_ms']:.0f}" for name in ("wel", "excess_fl")
    )
    return [*spreads, *(cell(found[figure]) for figure in CURVE)]


def print_summary(settings: Mapping[str, Any], found: Mapping[str, float]) -> None:
    """Print what is compared."""
    report("capacity", settings, found, SUMMARY, None)
