"""Plots of the report, where matplotlib is installed: the latency of words, and of the servers compared."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.all.parts import SERVERS
from benchmarks.all.results import PartResult, of_server

_STREAMS = "wel_p95_ms_at_"


def draw(directory: Path, results: Mapping[str, PartResult]) -> list[str]:
    """Draw what the results have figures for; the names of the files. Without matplotlib there are none."""
    if find_spec("matplotlib") is None:
        return []
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "voicegw"  # the same file from the same figures
    mpl.rcParams["svg.fonttype"] = "none"
    drawn = []
    for name, fill in (("words", _words), ("peers", _peers)):
        if _draw(directory / f"{name}.svg", fill, results):
            drawn.append(f"{name}.svg")
    return drawn


def _draw(file: Path, fill: Any, results: Mapping[str, PartResult]) -> bool:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    if not fill(axes, results):
        return False
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(file, metadata={"Date": None})
    return True


def _words(axes: Any, results: Mapping[str, PartResult]) -> bool:
    """The latency of words by the number of speakers."""
    found = False
    for name, label in (("people-capacity", "Whisper base, people reading"), ("capacity", "bundled model")):
        points = by_streams(results[name].figures) if name in results else []
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=label)
            found = True
    axes.set(
        title="A word in its final place after its end, p95",
        xlabel="speakers at once",
        ylabel="ms",
        xscale="log",
    )
    axes.axhline(1000, color="gray", linestyle=":", label="objective: 1 s")
    axes.set_ylim(0)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.legend()
    return found


def by_streams(figures: Mapping[str, float | None]) -> Sequence[tuple[int, float]]:
    """The 95th percentile of word latency by the number of speakers."""
    return sorted(
        (int(name.removeprefix(_STREAMS)), value)
        for name, value in figures.items()
        if name.startswith(_STREAMS) and name.removeprefix(_STREAMS).isdigit() and value is not None
    )


def _peers(axes: Any, results: Mapping[str, PartResult]) -> bool:
    """The latency of words of each server, with one stream."""
    result = results.get("people-peers") or results.get("peers")
    if result is None:
        return False
    rows = [
        (title, p50, p95)
        for server, title in SERVERS.items()
        if (p50 := (own := of_server(result.figures, server)).get("wel_p50_ms")) is not None
        and (p95 := own.get("wel_p95_ms")) is not None
    ]
    for number, (label, index) in enumerate((("p50", 1), ("p95", 2))):
        axes.bar(
            [at + 0.4 * number for at in range(len(rows))], [row[index] for row in rows], 0.38, label=label
        )
    axes.set_xticks([at + 0.2 for at in range(len(rows))], [row[0] for row in rows])
    axes.set(title=f"A word in its final place after its end, one speaker ({result.name})", ylabel="ms")
    axes.legend()
    return bool(rows)
