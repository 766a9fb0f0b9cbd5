"""Writes the figures of scripts/deploy/sizing.md anew: its generated parts, and its plot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.sizing.autoscaling import GROWTH, THRESHOLDS, before_growth, grow
from benchmarks.sizing.deployment import Deployment, Fault, Part
from benchmarks.sizing.measured import Measured
from benchmarks.sizing.outcome import Outcome
from benchmarks.sizing.planning import Plan, plan
from benchmarks.sizing.plots import draw
from benchmarks.sizing.simulation import simulate

DEPLOY = Path(__file__).parents[2] / "scripts/deploy"
SIZES = (1000, 10_000, 100_000)
_AGREEING = 10_000  # callers with whom the slice is compared with the whole
_LOADS = (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)  # of the callers that an installation is for
_FAULT_S = 10


def write_document(model: str, wanted: Deployment, measured: Measured, seconds: float) -> None:
    """All of it takes some minutes. wanted: its callers do not matter."""
    plans = [plan(replace(wanted, callers=callers), measured, seconds, exact=False) for callers in SIZES]
    middle = plans[SIZES.index(_AGREEING)]
    faults = {
        found.deployment.callers: {
            part: simulate(found.simulated, measured, seconds, [Fault(part, _FAULT_S)]) for part in Part
        }
        for found in plans
    }
    whole = simulate(middle.deployment, measured, seconds)
    before = before_growth(wanted, measured)
    parts = {
        "measured": [f"- {source}" for source in measured.sources],
        "sizes": _sizes(model, plans),
        "saturation": _saturation(plans),
        "faults": _faults(plans, faults),
        "agreement": _agreement(middle, whole),
        "growth": _growth(before, measured),
    }
    path = DEPLOY / "sizing.md"
    path.write_text(with_parts(path.read_text(), parts))
    loads = {load * middle.deployment.callers: _at_load(middle, load, seconds) for load in _LOADS}
    draw(DEPLOY / "sizing.svg", middle.deployment.callers, loads, faults[_AGREEING], _FAULT_S)


def with_parts(text: str, parts: Mapping[str, Sequence[str]]) -> str:
    """The document with the lines between `<!-- NAME -->` and `<!-- end NAME -->` replaced."""
    for name, lines in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        before, _, rest = text.partition(begin)
        _, has_end, after = rest.partition(end)
        assert has_end, f"the document has no part {name}"
        text = "\n".join((before + begin, "", *lines, "", end + after))
    return text


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
    rows = []
    for found in plans:
        parts = found.utilisations
        shares = [f"{part.name}, {100 * part.share:.0f} of {100 * part.limit:.0f} %" for part in parts]
        rows.append([f"{found.deployment.callers:,}", f"**{shares[0]}**", *shares[1:]])
    return _table(["callers", "bottleneck", "then", "then", "least"], rows)


def _faults(plans: Sequence[Plan], faults: Mapping[int, Mapping[Part, Outcome]]) -> list[str]:
    rows = [
        [
            f"{found.deployment.callers:,}",
            f"a {part}, of {found.simulated.count(part)} in the slice",
            f"{1000 * found.outcome.word_p95_s:.0f}",
            f"{1000 * outcome.worst_second_s(_FAULT_S):.0f}",
            f"{outcome.late_seconds(_FAULT_S)}",
        ]
        for found in plans
        for part, outcome in faults[found.deployment.callers].items()
    ]
    return _table(["callers", "lost", "word p95, ms", "in the worst second", "seconds beyond 1 s"], rows)


def _agreement(found: Plan, whole: Outcome) -> list[str]:
    names = f"{found.deployment.callers:,} callers", f"a slice of {found.simulated.callers:,} of them"
    rows = []
    for name, outcome in zip(names, (whole, found.outcome), strict=True):
        words = (f"{1000 * seconds:.0f} ms" for seconds in (outcome.word_p50_s, outcome.word_p95_s))
        rows.append([name, *words, f"{outcome.worker_share:.1%}"])
    return _table(["simulated", "word p50", "word p95", "workers busy"], rows)


def _growth(before: Deployment, measured: Measured) -> list[str]:
    found = [grow(before, measured, threshold) for threshold in THRESHOLDS]
    rows = [[f"{one.threshold:g}", *(f"{value:.0f}" for value in one.row.values())] for one in found]
    titles = ["added from a busy share of", "word p95, ms", "worst second, ms", "seconds late", "workers"]
    callers = f"From {before.callers} to {GROWTH * before.callers} callers in five minutes"
    return [f"{callers}, {before.workers} workers at first:", "", *_table(titles, rows)]


def _at_load(found: Plan, load: float, seconds: float) -> Outcome:
    callers = round(load * found.simulated.callers)
    return simulate(replace(found.simulated, callers=callers), found.measured, seconds)
