"""A short soak test of a real gateway."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.chaos import main

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads Linux's /proc")


def test_all_groups_of_clients_leave_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    size = ("--minutes", "0", "--idle-clients", "50", "--reference", "yes-1.wav", "--growth", "0.1")
    assert main(["soak", "--model", "none", *size, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["rounds"] == 2
    assert figures["connections"] > 100
    assert figures["reference_transcripts"] >= 2
    assert not figures["troubles"] + figures["reference_differences"] + figures["leaks"]
