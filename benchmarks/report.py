"""A benchmark's result: a table of figures or of rows that are compared, and JSON with the same figures."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

Rows = Mapping[tuple[str, ...], Mapping[str, float]]  # what was compared, and its figures
Columns = Mapping[str, tuple[str, ...]]  # a column's title, and the figures in it

_LOG_WIDTH = 120  # columns of a table in a pipe or a log
_COUNTS = ("insertions", "deletions", "substitutions", "recordings", "words", "cuts", "pauses")
_DECIMALS = {"ms": 0, "us": 0, "percent": 1, "points": 1, "minute": 1, **dict.fromkeys(_COUNTS, 0)}


def report(
    name: str,
    settings: Mapping[str, Any],
    figures: Mapping[str, float],
    meanings: Mapping[str, str],
    json_file: Path | None,
) -> None:
    """Print the figures, each with its meaning where there is one, and write them to `json_file`."""
    _publish(name, settings, _table(figures, meanings), figures, json_file)


def report_rows(
    name: str,
    settings: Mapping[str, Any],
    rows: Rows,
    columns: Columns,
    labels: tuple[str, ...],
    json_file: Path | None,
) -> None:
    """Print a row for each thing compared, and write all figures to `json_file`. labels: the titles over what
    was compared."""
    _publish(name, settings, table(rows, columns, labels), flat(rows), json_file)


def _publish(
    name: str, settings: Mapping[str, Any], shown: Table, figures: Mapping[str, float], json_file: Path | None
) -> None:
    printer = console()
    print_settings(printer, name, settings)
    printer.print(shown)
    if json_file is not None:
        write_json(name, settings, figures, json_file)


def print_settings(printer: Console, name: str, settings: Mapping[str, Any]) -> None:
    """One line with what the figures depend on."""
    printer.print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in settings.items()))


def console() -> Console:
    """Where results are printed, wide enough for a table when that is a file or a pipe."""
    printer = Console(highlight=False)
    if not printer.is_terminal:
        printer.width = _LOG_WIDTH
    return printer


def write_json(name: str, settings: Mapping[str, Any], figures: Mapping[str, float], json_file: Path) -> None:
    """Write a result with what it depends on. A figure that is not a number becomes null."""
    result = {
        "name": name,
        "commit": commit(),
        "date": date.today().isoformat(),
        "machine": machine(),
        "settings": settings,
        "figures": {figure: round(value, 4) for figure, value in figures.items()},
    }
    json_file.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


def cell(value: float) -> str:
    """A figure as a table shows it: small ones with decimals."""
    small = abs(value) < 10 and value % 1
    return f"{value:.3f}" if small else f"{value:.0f}"


def _table(figures: Mapping[str, float], meanings: Mapping[str, str]) -> Table:
    table = Table()
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("meaning")
    for figure, value in figures.items():
        table.add_row(figure, cell(value), meanings.get(figure, ""))
    return table


def table(rows: Rows, columns: Columns, labels: tuple[str, ...]) -> Table:
    """A row for each thing compared; with several labels, a line between groups with the same first label."""
    shown = Table(*labels)
    for title in columns:
        shown.add_column(title, justify="right")
    group = ""
    for compared, figures in rows.items():
        if len(labels) > 1 and compared[0] != group:
            shown.add_section()
            group = compared[0]
        cells = (" / ".join(row_cell(name, figures[name]) for name in names) for names in columns.values())
        shown.add_row(*compared, *cells)
    return shown


def row_cell(name: str, value: float) -> str:
    """A figure with the decimals of its unit, which is the last part of its name."""
    return f"{value:.{_DECIMALS.get(name.rpartition('_')[2], 2)}f}"


def flat(rows: Rows) -> dict[str, float]:
    """All figures, each named after what was compared and the figure."""
    return {
        re.sub(r"\W+", "_", " ".join((*compared, name))): value
        for compared, figures in rows.items()
        for name, value in figures.items()
    }


def commit(checkout: Path | None = None) -> str:
    """The commit that was measured, marked when the working tree differs from it; "" outside of git.

    checkout: of which sources; None for this project's, where the command runs.
    """
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return ""
    return described.stdout.strip()


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores, memory, load, Python."""
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
