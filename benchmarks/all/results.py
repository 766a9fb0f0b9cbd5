"""The results of the parts, a JSON file for each: what `--json` of its benchmark wrote, and how it ran."""

import math
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec

from benchmarks.all.parts import PARTS
from clients.errors import ClientError

DIRECTORY = Path(__file__).resolve().parent.parent / "results"


class ResultError(ClientError):
    """A file that is no result."""


class PartResult(msgspec.Struct, frozen=True, kw_only=True):
    """A part's figures and how they were measured.

    command: after `scripts/bench`, with DIR for the recordings. date: ISO 8601, UTC. took_s: of the whole
    command. problems: whether the benchmark reported something that must not happen. note: how the figures
    came about, if not by this command.
    """

    name: str
    command: str
    date: str
    took_s: float
    commit: str
    machine: dict[str, Any]
    settings: dict[str, Any]
    figures: dict[str, float | None]
    problems: bool = False
    note: str = ""


MISSING = "–"


class _Shown(dict[str, Any]):
    """Figures for a format string: a missing one is a dash, whatever its format."""

    def __missing__(self, key: str) -> "_Dash":
        return _Dash()


class _Dash:
    def __format__(self, specification: str) -> str:
        return MISSING


def shown(form: str, figures: dict[str, float | None]) -> str:
    """The format string with the figures in it; a dash if there is none of them."""
    known = {name: value for name, value in figures.items() if value is not None and not math.isnan(value)}
    names = {name for _, name, _, _ in Formatter().parse(form) if name}
    return form.format_map(_Shown(known)) if names & known.keys() else MISSING


def of_server(figures: dict[str, float | None], server: str) -> dict[str, float | None]:
    """The figures of one of the servers that are compared, without its name behind theirs."""
    end = f"_{server}"
    return {name.removesuffix(end): value for name, value in figures.items() if name.endswith(end)}


def file_of(directory: Path, name: str) -> Path:
    """The file of a part."""
    return directory / f"{name}.json"


def read_result(file: Path) -> PartResult:
    """The result in a file. Raises ResultError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=PartResult)
    except (OSError, msgspec.MsgspecError) as error:
        raise ResultError(f"{file}: {error}") from error


def read_results(directory: Path) -> dict[str, PartResult]:
    """All results of a directory, by the name of their part. Raises ResultError."""
    files = {part.name: file_of(directory, part.name) for part in PARTS}
    return {name: read_result(file) for name, file in files.items() if file.exists()}


def write_result(directory: Path, result: PartResult) -> None:
    """Write or replace the file of a part; a reader never sees half of it."""
    file = file_of(directory, result.name)
    scratch = file.with_suffix(".part")
    scratch.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    scratch.replace(file)
