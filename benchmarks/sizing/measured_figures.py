"""The measured figures that the sizing model is made of, by name, from files that `scripts/bench` wrote.

Every figure has its unit at the end of its name. A file of `scripts/bench sizing` has all of them; files of
other benchmarks, read after it, replace those that they have too.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from clients.errors import ClientError
from voicegw.core.jobs import DecodeKind

RESULTS = Path(__file__).with_name("results")  # of this project
WINDOWS_S = (1, 2, 4, 8, 12)  # lengths of windows whose decodes are timed
BATCHES = (1, 2, 4, 8)
PERCENTS: Sequence[int] = (0, 5, *range(10, 91, 10), 95, 98, 100)  # of the distributions


class MeasurementMissing(ClientError):
    """A figure is not in the files, or there is no file for the model and the device."""


class _File(msgspec.Struct):
    """What report.write_json writes, as far as it is used here."""

    name: str
    machine: dict[str, Any]
    settings: dict[str, Any]
    figures: dict[str, float | None]
    date: str = ""


@dataclass(frozen=True)
class Quantiles:
    """A distribution by the values at PERCENTS, with straight lines between them."""

    values: Sequence[float]

    def draw(self, random: Random) -> float:
        """A random value."""
        return _on_line(PERCENTS, self.values, 100 * random.random())

    @property
    def mean(self) -> float:
        steps = zip(pairwise(PERCENTS), pairwise(self.values), strict=True)
        return sum((to - since) / 100 * (low + high) / 2 for (since, to), (low, high) in steps)


@dataclass(frozen=True)
class Measured:
    """The figures. sources: a line for each file: the benchmark, its settings, the machine and the date."""

    figures: Mapping[str, float]
    sources: Sequence[str] = ()

    def __getitem__(self, name: str) -> float:
        """Raises MeasurementMissing."""
        if (value := self.figures.get(name)) is not None:
            return value
        raise MeasurementMissing(f"the measured figures lack {name}; scripts/bench sizing measures it")

    def updated(self, newer: "Measured") -> "Measured":
        """The figures of both; the newer ones where both have them."""
        return Measured({**self.figures, **newer.figures}, [*self.sources, *newer.sources])

    def with_figures(self, figures: Mapping[str, float]) -> "Measured":
        """The same with some figures replaced."""
        return Measured({**self.figures, **figures}, self.sources)

    def quantiles(self, name: str) -> Quantiles:
        """The distribution of `NAME_p0_ms` to `NAME_p100_ms`, in seconds."""
        return Quantiles([self[f"{name}_p{percent}_ms"] / 1000 for percent in PERCENTS])

    @cached_property
    def decode_costs(self) -> "DecodeCosts":
        return DecodeCosts(
            {
                kind: [[self[decode_figure(kind, s, b)] / 1000 for s in WINDOWS_S] for b in BATCHES]
                for kind in DecodeKind
            }
        )


def decode_figure(kind: DecodeKind, window_s: int, batch: int) -> str:
    """The name of the time of a batch of such windows."""
    return f"{kind}_{window_s}s_batch_{batch}_ms"


@dataclass(frozen=True)
class DecodeCosts:
    """Seconds of a decode, by its kind, for each of BATCHES, for each of WINDOWS_S. Between them, and beyond
    the longest window, times are on straight lines."""

    seconds: Mapping[DecodeKind, Sequence[Sequence[float]]]
    _known: dict[tuple[DecodeKind, int, int], float] = field(default_factory=dict, compare=False)

    def mean_s(self, kind: DecodeKind, window_s: float, batch: int = 1) -> float:
        """The mean time of a batch of windows of this length."""
        key = kind, round(10 * window_s), batch
        if (known := self._known.get(key)) is None:
            by_batch = [_on_line(WINDOWS_S, row, key[1] / 10) for row in self.seconds[kind]]
            known = self._known[key] = _on_line(BATCHES, by_batch, batch)
        return known


def _on_line(places: Sequence[float], values: Sequence[float], place: float) -> float:
    """Linear interpolation; before the first place its value, beyond the last one the last line goes on."""
    if place <= places[0]:
        return values[0]
    after = min(bisect_left(places, place), len(places) - 1)
    before = after - 1
    share = (place - places[before]) / (places[after] - places[before])
    return values[before] + share * (values[after] - values[before])


def read(paths: Sequence[Path]) -> Measured:
    """The figures of the files, the later ones first. Raises MeasurementMissing."""
    figures: dict[str, float] = {}
    sources: list[str] = []
    for path in paths:
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError) as error:
            raise MeasurementMissing(f"{path} is no result of scripts/bench: {error}") from None
        figures |= {name: value for name, value in found.figures.items() if value is not None}
        sources.append(_source(found))
    return Measured(figures, sources)


def _source(file: _File) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in file.settings.items() if value)
    machine = f"{file.machine.get('cores', '?')} cores, {file.machine.get('processor', '?')}"
    return f"{file.name} ({settings}) on {machine}, {file.date or 'no date'}"


def default_files(model: str, device: str) -> list[Path]:
    """Those of this project for the model on the device. Raises MeasurementMissing."""
    path = RESULTS / f"{model}-{device}.json"
    if not path.exists():
        raise MeasurementMissing(
            f"there are no figures of {model} on {device} here; measure them with "
            f"`scripts/bench sizing --model {model} --device {device} --json FILE` and give --measured FILE"
        )
    return [RESULTS / "gateway.json", path]
