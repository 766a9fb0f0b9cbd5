"""Draws the plot of scripts/deploy/sizing.md."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

from benchmarks.sizing.deployment import Part
from benchmarks.sizing.outcome import WORD_P95_S, Outcome

mpl.use("Agg")
from matplotlib import pyplot

_OBJECTIVE = {"color": "gray", "linestyle": "--", "label": "objective, p95"}


def draw(
    path: Path, planned: int, loads: Mapping[float, Outcome], faults: Mapping[Part, Outcome], fault_s: int
) -> None:
    """Writes an SVG: words by load, and words by second around faults. loads: by the number of callers at an
    installation for `planned` of them. faults: at the second `fault_s`, by what was lost."""
    mpl.rcParams["svg.hashsalt"] = "sizing"  # the same file from the same figures
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    left.plot(loads.keys(), [1000 * each.word_p95_s for each in loads.values()], "o-", label="word, p95")
    left.plot(loads.keys(), [1000 * each.word_p50_s for each in loads.values()], "o-", label="word, p50")
    left.axvline(planned, color="gray", linewidth=0.8)
    left.set_xlabel(f"callers at an installation for {planned:,}")
    left.set_yscale("log")
    for part, outcome in faults.items():
        p95_ms = [1000 * p95_s for p95_s in outcome.word_p95_by_second_s]
        right.plot(range(len(p95_ms)), p95_ms, label=f"a {part} is lost")
    right.axvline(fault_s, color="gray", linewidth=0.8)
    right.set_xlabel("seconds; the fault is at the line")
    for axes in (left, right):
        axes.axhline(1000 * WORD_P95_S, **_OBJECTIVE)
        axes.set_ylabel("ms after the word")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
