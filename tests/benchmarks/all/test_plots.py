from pathlib import Path

import pytest

from benchmarks.all import plots
from benchmarks.all.results import DIRECTORY, read_results


def test_without_matplotlib_nothing_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    assert plots.draw(tmp_path, read_results(DIRECTORY)) == []


def test_the_points_of_a_curve_are_in_order() -> None:
    figures = {
        "wel_p95_ms_at_8": 3.0,
        "wel_p95_ms_at_2": 1.0,
        "wel_p95_ms_at_4": None,
        "wel_p95_ms_at_x": 1.0,
    }
    assert plots.by_streams(figures) == [(2, 1.0), (8, 3.0)]


def test_the_committed_figures_are_drawn_with_units(tmp_path: Path) -> None:
    drawn = plots.draw(tmp_path, read_results(DIRECTORY))
    assert drawn == ["words.svg", "peers.svg"]
    words, peers = ((tmp_path / name).read_text() for name in drawn)
    assert ">speakers at once<" in words
    assert all(
        ">ms<" in text and "A word in its final place after its end" in text for text in (words, peers)
    )
    assert ">voicegw<" in peers


def test_nothing_is_drawn_without_figures(tmp_path: Path) -> None:
    assert plots.draw(tmp_path, {}) == []
    assert list(tmp_path.iterdir()) == []
