"""The result, for the reader and under flat names: the figures by the number of streams, and the summary."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.capacity.evaluation import is_disturbed, lacks_cpu
from benchmarks.capacity.ramp import Climb
from benchmarks.report import cell, console, report

SUMMARY = {
    "streams_at_slo": "most streams with word p95 and final p95 in time, nothing lost, no error",
    "streams_at_slo_per_core": "the same per core of this machine, on which the clients run too",
    "streams_at_slo_per_gpu": "the same per GPU",
    "streams_at_slo_together": "the same with all first frames at once",
    "speech_percent": "of the audio that was speech, with that many",
    "v2t_p95_ms": "first reply token, after the end of the last word, with that many",
    "cpu_s_per_audio_s": "CPU seconds of the server per second of audio, with that many",
    "gateway_cpu_s_per_audio_s": "the gateway's part of it",
    "client_cpu_s_per_audio_s": "what the clients used beside it",
    "others_cpu_percent": "of the machine, used by anything else",
    "overload_streams": "speakers in the run with half again as many",
    "overload_wel_p95_ms": "a word of the admitted in its final place, after its end",
    "overload_excess_fl_p95_ms": "a final of the admitted, beyond the configured end silence",
    "overload_lost_samples": "sent by the admitted, but neither acknowledged nor covered by a final",
    "overload_errors": "error messages, and sessions that broke or were not finished",
    "overload_coverage_percent": "words of the admitted that were recognised",
    "overload_refused": "speakers who were never admitted",
    "refusals": "connections refused; the refused come again when they are told to",
    "refusal_p95_ms": "from the attempt to connect to the refusal",
    "overload_client_late_p99_ms": "a frame is sent, after it was due",
    "overload_others_cpu_percent": "of the machine, used by anything else",
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
    "others_cpu_percent",
)
LEGEND = (
    "word: in its final place, after its end; final: after the last word, beyond the end silence; in ms. "
    "lost: samples. words %: recognised. CPU, gateway, clients: CPU seconds per audio second of the server, "
    "of that its gateway, and of the clients beside it. others %: of the machine, used by anything else. "
    "late: frames sent after they were due, p99 in ms."
)


def summary(
    climbs: Mapping[str, Climb], overload: Mapping[str, float], *, cores: int, has_gpu: bool
) -> dict[str, float]:
    """The figures that are compared, of the first of the climbs, and the other one's streams."""
    first, *others = climbs.items()
    held = first[1].streams_at_slo
    return {
        "streams_at_slo": held,
        "streams_at_slo_per_core": held / cores,
        **({"streams_at_slo_per_gpu": held} if has_gpu else {}),
        **{f"streams_at_slo_{starts}": climb.streams_at_slo for starts, climb in others},
        **{name: value for name, value in first[1].curve.get(held, {}).items() if name in AT_SLO},
        **overload,
    }


def curves(climbs: Mapping[str, Climb]) -> dict[str, float]:
    """Every figure of every number of streams: `wel_p95_ms_at_8`, `wel_p95_ms_together_at_8`."""
    return {
        f"{figure}{'_together' if starts == 'together' else ''}_at_{streams}": value
        for starts, climb in climbs.items()
        for streams, found in sorted(climb.curve.items())
        for figure, value in found.items()
    }


def print_curve(climb: Climb, starts: str) -> None:
    """Print a row for every number of streams, with what was beyond the objective."""
    table = Table(
        "streams", "word p50 / p95", "final p50 / p95", *CURVE.values(), "beyond", title=f"{starts} starts"
    )
    for streams, short in sorted(climb.short.items()):
        table.add_row(str(streams), *_cells(climb.curve.get(streams)), ", ".join(short))
    printer = console()
    printer.print(table)
    printer.print(LEGEND)
    _warn(printer, climb, lacks_cpu, "The clients themselves were late: some of the latency is theirs")
    _warn(printer, climb, is_disturbed, "Other processes used much of the machine: it holds more than this")


def _warn(printer: Console, climb: Climb, applies: Callable[[Mapping[str, float]], bool], what: str) -> None:
    numbers = [str(streams) for streams, found in sorted(climb.curve.items()) if applies(found)]
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
