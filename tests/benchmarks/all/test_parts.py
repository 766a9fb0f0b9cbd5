import importlib
import shlex
from string import Formatter

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.all.parts import PARTS, Part

LONGEST_MINUTES = 60


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
@pytest.mark.parametrize("size", ["full", "short"])
def test_the_benchmark_knows_its_arguments(part: Part, size: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *arguments = shlex.split(getattr(part, size))
    assert name in BENCHMARKS
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(f"benchmarks.{name}").main([*arguments, "--json", "x.json", "--help"])
    assert stopped.value.code == 0, capsys.readouterr().err


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_only_peoples_parts_need_recordings(part: Part) -> None:
    assert [("DIR" in size, "MODEL" in size) for size in (part.full, part.short)] == [
        (part.of_people,) * 2
    ] * 2


def test_all_parts_together_take_less_than_an_hour() -> None:
    full, short = zip(*(part.minutes for part in PARTS), strict=True)
    assert sum(full) <= LONGEST_MINUTES
    assert sum(short) < sum(full)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_line_shows_figures(part: Part) -> None:
    assert all(any(name for _, name, _, _ in Formatter().parse(form)) for form in part.lines.values())
