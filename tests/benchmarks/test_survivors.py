"""The figures of speakers around a moment, from a session with turns at known times."""

import pytest

from benchmarks.survivors import figures_of
from tests.benchmarks.capacity.spoken import run, spoken


def test_what_was_due_around_the_moment_counts() -> None:
    found = figures_of(run(spoken(6_000, 9_000)), 108.0, 111.0)
    assert found["survivors_words"] == 2
    assert found["survivors_wel_max_ms"] == pytest.approx(600)
    assert found["survivors_trouble"] == 0


def test_nothing_was_due() -> None:
    found = figures_of(run(spoken(6_000)), 108.0, 111.0)
    assert found["survivors_words"] == 0


def test_finals_count_beyond_the_end_silence() -> None:
    flags = ["--session.endpoint.end-silence-ms", "300"]
    found = figures_of(run(spoken(6_000)), 106.0, 108.0, flags)
    assert found["survivors_excess_fl_p95_ms"] == pytest.approx(500)
