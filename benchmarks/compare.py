"""`scripts/bench compare OLD NEW`: what got worse between two results, beyond noise.

OLD and NEW are files that `--json FILE` wrote, or directories with files of the same names; repeats of a run
are given with commas between them: `compare a.json,b.json c.json,d.json`. A figure is worse if its mean
differs in the wrong direction by more than both

  the tolerance of its kind, such as 20 % and 10 ms for a latency, or nothing for lost words, and
  the spread of the repeats: the larger one of both sides, from their least to their greatest value.

Figures that are counts of the material, or are about the machine or other servers, are not judged. The exit
status is 1 when a figure is worse or missing.
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from benchmarks.command import exits_on_errors, new_parser
from benchmarks.report import cell, console
from clients.errors import ClientError


@dataclass(frozen=True)
class Kind:
    """A kind of figure by its name. worse: 1 if more is worse, -1 if less is, 0 if neither. A difference
    counts when it exceeds `share` of the old value and also `least`."""

    names: str
    worse: int
    share: float = 0.0
    least: float = 0.0


KINDS = (  # the first one whose expression is found in the name
    Kind(r"whisperlive|realtimestt|_bare_|client_late|client_cpu|others_|elsewhere|offline|_gap_", 0),
    Kind(r"lost|doubled|missed_words|unfinished|failed|unresumed|wrong_jobs|changed_|retractions", 1),
    Kind(r"late_pieces|empty_recordings|reference_differences|errors(_at_\d+)?$", 1),
    Kind(r"wer_", 1, 0.05, 1.0),  # percentage points
    Kind(r"made_up|false_cutoffs|_(cut|cuts|joined)$", 1, 0.1, 1.0),
    Kind(r"coverage_percent|complete_percent|ready_percent", -1, 0.0, 2.0),
    Kind(r"streams_at_slo|jobs_per_s|scaling", -1, 0.1, 0.05),
    Kind(r"upwr|upsr|restyled|calls_per_turn", 1, 0.1, 0.02),
    Kind(r"_bytes|_mb$", 1, 0.1),
    Kind(r"cpu_s_per|_ratio", 1, 0.15, 0.02),
    Kind(r"_(ms|us)(_|$)", 1, 0.2, 10.0),
)
OTHER = Kind("", 0)


@dataclass(frozen=True)
class Change:
    """A figure with its means before and after, and whether it is worse."""

    name: str
    old: float
    new: float
    is_worse: bool


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Compare; the exit status."""
    options = _parser().parse_args(argv)
    old, new = _read(options.old), _read(options.new)
    for name in sorted(old.keys() - new.keys()):
        print(f"{name}: there is no new value", file=sys.stderr)
    changes = [compared(name, old[name], new[name]) for name in old if name in new]
    worse = [change for change in changes if change.is_worse]
    _print(worse)
    print(f"{len(changes)} figures compared, {len(worse)} worse")
    return 1 if worse or old.keys() - new.keys() else 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("compare", __doc__)
    for name, meaning in (("old", "the result before"), ("new", "the result after")):
        parser.add_argument(name, metavar=name.upper(), help=f"{meaning}: a file, a directory, or several")
    return parser


def _read(several: str) -> dict[str, list[float]]:
    """The values of each figure in all repeats; NaN where a result has none. Raises ClientError."""
    values: dict[str, list[float]] = {}
    for path in map(Path, several.split(",")):
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise ClientError(f"{path} has no results")
        for file in files:
            prefix = f"{file.stem}: " if path.is_dir() else ""
            for name, value in _figures(file).items():
                values.setdefault(prefix + name, []).append(math.nan if value is None else value)
    return values


def _figures(file: Path) -> dict[str, float | None]:
    try:
        found: Any = msgspec.json.decode(file.read_bytes())
        return msgspec.convert(found["figures"], dict[str, float | None])
    except (OSError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise ClientError(f"{file} is no result: {error}") from error


def compared(name: str, old: Sequence[float], new: Sequence[float]) -> Change:
    """A figure before and after, each with its repeats; NaN is worse where there was a number."""
    kind = next((kind for kind in KINDS if re.search(kind.names, name)), OTHER)
    before, after = sum(old) / len(old), sum(new) / len(new)
    if math.isnan(before) or math.isnan(after):
        return Change(name, before, after, bool(kind.worse) and math.isnan(after) and not math.isnan(before))
    allowed = max(kind.share * abs(before), kind.least, max(old) - min(old), max(new) - min(new))
    return Change(name, before, after, kind.worse * (after - before) > allowed)


def _print(worse: Sequence[Change]) -> None:
    if not worse:
        return
    table = Table("worse", "old", "new", "difference")
    for change in worse:
        by = 100 * (change.new - change.old) / change.old if change.old else math.nan
        table.add_row(
            change.name, cell(change.old), cell(change.new), "" if math.isnan(by) else f"{by:+.0f} %"
        )
    console().print(table)
