"""Greedy clients: a few of each kind against a real server, and what is said of a campaign."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz import main
from benchmarks.fuzz.greedy import KINDS, Client, meaning_of, pings
from benchmarks.fuzz.greedy_campaign import Findings, Watched


def findings(
    *,
    alone: tuple[float, ...] = (100.0, 100.0),
    beside: tuple[float, ...] = (110.0, 110.0),
    after: int = 100,
    peak: int = 100,
    sent: int = 1,
) -> Findings:
    client = Client("", pings, Random(1), sent=sent)
    return Findings([client], list(alone), list(beside), 100, after, 1_000, watched=Watched(peak, 1))


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (findings(sent=0), "pings: nothing was sent"),
        (findings(beside=(110.0,)), "fewer words of the reference client"),
        (findings(beside=(140.0, 140.0)), "reference client rose by 40%"),
        (findings(beside=()), "reference client rose by nan%"),
        (findings(after=110), "memory grew by 10.0%"),
        (findings(peak=1_001), "exceeded its ceiling"),
    ],
)
def test_problems_are_reported(found: Findings, problem: str) -> None:
    assert any(problem in each for each in found.problems(rise=0.25, growth=0.05))


def test_within_the_limits_there_are_no_problems() -> None:
    assert not findings(beside=(120.0, 120.0), after=104).problems(rise=0.25, growth=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_description(kind: Callable[..., int]) -> None:
    assert meaning_of(kind)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads Linux's /proc")
def test_greedy_clients_of_all_kinds_beside_a_reference_client(tmp_path: Path) -> None:
    """Of memory and loss only: how fast a busy machine is says nothing."""
    file = tmp_path / "greedy.json"
    dose = ("--greedy", str(len(KINDS)), "--seconds", "1", "--reference", "command-1.wav")
    loose = ("--rise", "100", "--growth", "0.25")
    assert main([*dose, *loose, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["figures"]
    for kind in KINDS:
        assert figures[f"{kind.__name__}_frames"] > 0
        assert figures[f"{kind.__name__}_sessions"] > 0
    assert figures["words_beside"] > 0
    assert figures["rss_peak_mb"] < figures["ceiling_mb"]
