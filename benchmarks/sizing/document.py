"""Writes the figures of scripts/deploy/sizing.md anew: its generated parts, and its plot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.marks import with_part
from benchmarks.sizing.autoscaling import GROWTH, THRESHOLDS, before_growth, grow
from benchmarks.sizing.deployment import Deployment, Fault, Part
from benchmarks.sizing.measured_figures import Measured
from benchmarks.sizing.outcome import Outcome
from benchmarks.sizing.planning import SLICE_CALLERS, Plan, plan
from benchmarks.sizing.plots import draw
from benchmarks.sizing.simulation import simulate

DEPLOY = Path(__file__).parents[2] / "scripts/deploy"
SIZES = (1000, 10_000, 100_000)
_MIDDLE = 10_000  # callers of the installation that is looked at closely
_LOADS = (0.5, 0.75, 1.0, 1.2, 1.3, 1.4, 1.5, 1.6)  # of the callers that an installation is for
_FAULT_S = 10


def write_document(
    model: str, wanted: Deployment, measured: Measured, seconds: float, simulated: int
) -> None:
    """All of it takes some minutes. wanted: its callers do not matter. simulated: callers at most."""
    plans = [plan(replace(wanted, callers=callers), measured, seconds, simulated) for callers in SIZES]
    middle = plans[SIZES.index(_MIDDLE)]
    faults = {
        found.deployment.callers: {
            part: simulate(found.simulated, measured, seconds, [Fault(part, _FAULT_S)]) for part in Part
        }
        for found in plans
    }
    before = before_growth(wanted, measured)
    parts = {
        "measured": [f"- {source}" for source in measured.sources],
        "sizes": _sizes(model, plans),
        "saturation": _saturation(plans),
        "bottlenecks": [f"- {found.deployment.callers:,} callers, {found.verdict}" for found in plans],
        "faults": _faults(plans, faults),
        "agreement": _agreement(middle, seconds),
        "growth": _growth(before, measured),
    }
    path = DEPLOY / "sizing.md"
    text = path.read_text()
    for name, lines in parts.items():
        text = with_part(text, name, "\n".join(lines))
    path.write_text(text)
    loads = {load * middle.deployment.callers: _at_load(middle, load, seconds) for load in _LOADS}
    draw(DEPLOY / "sizing.svg", middle.deployment.callers, loads, faults[_MIDDLE], _FAULT_S)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (titles, ["---"] * len(titles), *rows)]


def _sizes(model: str, plans: Sequence[Plan]) -> list[str]:
    wanted: dict[str, str] = {
        "gateways": "gateways (a core each)",
        "workers": "workers",
        "decodes_at_once": "cores of workers",
        "redis_shards": "Redis shards",
        "clients_mb_per_s": "audio from callers, MB/s",
        "redis_in_mb_per_s": "into Redis, MB/s",
        "redis_out_mb_per_s": "out of Redis, MB/s",
        "gateway_memory_gb": "memory of gateways, GB",
        "worker_memory_gb": "memory of workers, GB",
        "redis_memory_gb": "memory of Redis, GB",
        "word_p50_ms": "word p50, ms",
        "word_p95_ms": "word p95, ms",
    }
    figures = [found.figures() for found in plans]
    rows = [[title, *(f"{each[name]:,.0f}" for each in figures)] for name, title in wanted.items()]
    callers = [f"{found.deployment.callers:,} callers" for found in plans]
    return _table([f"Whisper `{model}`", *callers], rows)


def _saturation(plans: Sequence[Plan]) -> list[str]:
    """How many callers one of each part serves, the fewest first, and how many of it there are."""
    parts = {part.name: part.callers_each(plans[0].deployment.callers) for part in plans[0].utilisations}
    rows = []
    for name, each in sorted(parts.items(), key=lambda part: part[1]):
        found = [part for one in plans for part in one.utilisations if part.name == name]
        counts = [f"{part.count:,}, {100 * part.share:.0f} % busy" for part in found]
        rows.append([name, f"{each:,.0f}", *counts])
    return _table(["part", "callers for each", *(f"for {size:,}" for size in SIZES)], rows)


def _faults(plans: Sequence[Plan], faults: Mapping[int, Mapping[Part, Outcome]]) -> list[str]:
    rows = [
        [
            f"{found.deployment.callers:,}",
            f"{found.simulated.callers:,}",
            f"a {part}, of {found.deployment.count(part):,}",
            f"{1000 * found.outcome.word_p95_s:.0f}",
            f"{1000 * outcome.worst_second_s(_FAULT_S):.0f}",
            f"{outcome.late_seconds(_FAULT_S)}",
            f"{outcome.lost_words}; {1000 * outcome.lost_word_p95_s:.0f}" if outcome.lost_words else "–",
        ]
        for found in plans
        for part, outcome in faults[found.deployment.callers].items()
    ]
    return _table(
        [
            *("callers", "simulated", "lost", "word p95, ms", "in the worst second", "seconds beyond 1 s"),
            "words that waited for it; their p95, ms",
        ],
        rows,
    )


def _agreement(whole: Plan, seconds: float) -> list[str]:
    """The whole installation and smaller and smaller slices of it."""
    rows = []
    most = whole.simulated.callers
    for callers in (most, most // 4, most // 10):
        part = whole.deployment.slice(callers)
        outcome = whole.outcome if part == whole.simulated else simulate(part, whole.measured, seconds)
        words = (f"{1000 * latency_s:.0f} ms" for latency_s in (outcome.word_p50_s, outcome.word_p95_s))
        rows.append([f"{callers:,} of {_MIDDLE:,} callers", *words, f"{outcome.worker_share:.1%}"])
    return _table(["simulated", "word p50", "word p95", "workers busy"], rows)


def _growth(before: Deployment, measured: Measured) -> list[str]:
    found = [grow(before, measured, threshold) for threshold in THRESHOLDS]
    rows = [[f"{one.threshold:g}", *(f"{value:.0f}" for value in one.row.values())] for one in found]
    titles = ["added from a busy share of", "word p95, ms", "worst second, ms", "seconds late", "workers"]
    callers = f"From {before.callers} to {GROWTH * before.callers} callers in five minutes"
    return [f"{callers}, {before.workers} workers at first:", "", *_table(titles, rows)]


def _at_load(found: Plan, load: float, seconds: float) -> Outcome:
    part = found.deployment.slice(SLICE_CALLERS)
    return simulate(replace(part, callers=round(load * part.callers)), found.measured, seconds)
