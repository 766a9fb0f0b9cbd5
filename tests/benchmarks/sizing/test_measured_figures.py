from pathlib import Path
from random import Random

import msgspec
import pytest

from benchmarks.report import write_json
from benchmarks.sizing.deployment import ASSUMED
from benchmarks.sizing.measured_figures import (
    PERCENTS,
    RESULTS,
    DecodeCosts,
    MeasurementMissing,
    Quantiles,
    default_files,
    read,
)
from tests.benchmarks.sizing.figures import measured
from voicegw.core.jobs import DecodeKind

COSTS = DecodeCosts(
    {
        kind: [[batch * s for s in (0.01, 0.02, 0.04, 0.08, 0.12)] for batch in (1, 2, 4, 8)]
        for kind in DecodeKind
    }
)


@pytest.mark.parametrize(
    ("window_s", "batch", "expected_s"),
    [(0.3, 1, 0.01), (1, 1, 0.01), (3, 1, 0.03), (8, 2, 0.16), (8, 3, 0.24), (20, 1, 0.2), (4, 16, 0.64)],
)
def test_decode_times_are_on_lines_between_the_measured_ones(
    window_s: float, batch: int, expected_s: float
) -> None:
    assert COSTS.mean_s(DecodeKind.FINAL, window_s, batch) == pytest.approx(expected_s)


def test_a_distribution_has_the_mean_and_the_percentiles_it_is_made_of() -> None:
    spread = Quantiles([percent / 100 for percent in PERCENTS])
    random = Random(1)
    drawn = sorted(spread.draw(random) for _ in range(10_000))
    assert spread.mean == pytest.approx(0.5)
    assert [drawn[at] for at in (1000, 5000, 9500)] == pytest.approx([0.1, 0.5, 0.95], abs=0.02)


def test_a_later_file_replaces_the_figures_it_has(tmp_path: Path) -> None:
    first, second = tmp_path / "sizing.json", tmp_path / "gateway.json"
    write_json("sizing", {"model": "bundled"}, {"frame_vad_us": 60.0, "gather_ms": 0.0}, first)
    write_json("gateway", {}, {"frame_vad_us": 40.0, "other": float("nan")}, second)
    found = read([first, second])
    assert (found["frame_vad_us"], found["gather_ms"]) == (40.0, 0.0)
    assert "sizing (model bundled) on " in found.sources[0]
    with pytest.raises(MeasurementMissing, match="other"):
        found["other"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": "sizing"}', None])
def test_what_is_no_result_is_told(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MeasurementMissing, match=r"x\.json is no result of scripts/bench"):
        read([path])


def test_a_model_that_was_not_measured_is_told_with_what_to_do() -> None:
    with pytest.raises(
        MeasurementMissing, match="scripts/bench sizing --model large --device cuda --json FILE"
    ):
        default_files("large", "cuda")


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*-*.json")), ids=lambda path: path.stem)
def test_the_files_of_the_project_have_every_figure_machine_and_date(path: Path) -> None:
    paths = default_files(*path.stem.rsplit("-", 1))
    found = read(paths)
    assert not set(measured().figures) - set(ASSUMED) - set(found.figures)
    assert found.decode_costs.mean_s(DecodeKind.PARTIAL, 4) > 0
    for path in paths:
        written = msgspec.json.decode(path.read_bytes())
        assert written["date"]
        assert written["machine"]["processor"]
