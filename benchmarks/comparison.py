"""The result of a benchmark that compares: a table with a row for each thing compared, and JSON."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.report import console, write_json

Rows = Mapping[tuple[str, ...], Mapping[str, float]]  # what was compared, and its figures
Columns = Mapping[str, tuple[str, ...]]  # a column's title, and the figures in it
_COUNTS = ("insertions", "deletions", "substitutions", "recordings")
_DECIMALS = {"ms": 0, "us": 0, "percent": 1, "points": 1, "minute": 1, **dict.fromkeys(_COUNTS, 0)}


def report(
    name: str,
    settings: Mapping[str, Any],
    rows: Rows,
    columns: Columns,
    labels: tuple[str, ...],
    json_file: Path | None,
) -> None:
    """Print the rows, and write them to `json_file`; `labels` are the titles over what was compared."""
    printer = console()
    printer.print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in settings.items()))
    printer.print(table(rows, columns, labels))
    if json_file is not None:
        write_json(name, settings, flat(rows), json_file)


def table(rows: Rows, columns: Columns, labels: tuple[str, ...]) -> Table:
    """A line above each row whose first label is not that of the row before, if they have several."""
    shown = Table(*labels)
    for title in columns:
        shown.add_column(title, justify="right")
    group = ""
    for compared, figures in rows.items():
        if len(labels) > 1 and compared[0] != group:
            shown.add_section()
            group = compared[0]
        cells = (" / ".join(cell(name, figures[name]) for name in names) for names in columns.values())
        shown.add_row(*compared, *cells)
    return shown


def cell(name: str, value: float) -> str:
    """A figure with the decimals that its unit, the last part of its name, is worth."""
    return f"{value:.{_DECIMALS.get(name.rpartition('_')[2], 2)}f}"


def flat(rows: Rows) -> dict[str, float]:
    """The figures with what was compared in their names."""
    return {
        re.sub(r"\W+", "_", " ".join((*compared, name))): value
        for compared, figures in rows.items()
        for name, value in figures.items()
    }
