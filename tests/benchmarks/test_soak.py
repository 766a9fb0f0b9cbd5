"""A small dose of the soak, against a real gateway."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.soak import main

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads Linux's /proc")


def test_crowds_come_and_go_and_leave_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    dose = ("--minutes", "0", "--crowd", "50", "--neighbour", "yes-1.wav", "--growth", "0.1")
    assert main(["--model", "none", *dose, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["rounds"] == 2
    assert figures["connections"] > 100
    assert figures["neighbour_heard"] >= 2
    assert not figures["troubles"] + figures["neighbour_different"] + figures["leaks"]
