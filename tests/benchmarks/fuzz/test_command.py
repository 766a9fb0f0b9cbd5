"""A short campaign against a real gateway."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.fuzz import main

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads Linux's /proc")


def test_misbehaving_clients_affect_no_other_client_and_leave_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.json"
    size = ("--messages", "800", "--disconnects", "50", "--reference", "yes-1.wav", "--growth", "0.1")
    assert main(["--model", "none", *size, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["messages"] >= 800
    assert figures["disconnects"] >= 50
    assert figures["reference_transcripts"] > 0
    assert not figures["violations"] + figures["reference_differences"] + figures["leaks"]


def test_one_client_can_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "none", "--only", "7"]) == 0
    assert "Ending.NORMAL" in capsys.readouterr().out


def test_unresponsive_clients_are_disconnected(tmp_path: Path) -> None:
    file = tmp_path / "absent.json"
    pings = ("--gateway.connection.ping-interval-ms", "300", "--gateway.connection.ping-timeout-ms", "300")
    size = ("--absent", "40", "--growth", "0.5", "--json", str(file))  # too few for steady figures of memory
    assert main([*size, "--serve", *pings, "--workers", "1"]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["clients"] == 40
    assert not figures["not_served"] + figures["leaks"]
