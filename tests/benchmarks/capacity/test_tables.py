import pytest

from benchmarks.capacity.evaluation import figures
from benchmarks.capacity.ramp import Ramp
from benchmarks.capacity.search import Search
from benchmarks.capacity.tables import curve, print_curve, print_summary, summary
from tests.benchmarks.capacity.spoken import run, spoken
from tests.benchmarks.capacity.test_ramp import holding

GOOD = figures([run(spoken(6_000))], end_silence_ms=500)


def ramp(held: int, **late: float) -> Ramp:
    curve = {held: {**GOOD, **late}}
    return Ramp(holding(1), Search(held=held), curve, {held: [], 2 * held: ["the server broke"]})


def test_the_summary_is_of_the_most_streams_that_held() -> None:
    found = summary(ramp(8), {"refusals": 2}, cores=2, has_gpu=False)
    assert found["streams_at_slo"] == 8
    assert found["streams_at_slo_per_core"] == 4
    assert found["speech_percent"] == GOOD["speech_percent"]
    assert found["memory_mb"] == 400
    assert found["refusals"] == 2
    assert "streams_at_slo_per_gpu" not in found


def test_a_gpu_has_its_own_figure() -> None:
    assert summary(ramp(8), {}, cores=16, has_gpu=True)["streams_at_slo_per_gpu"] == 8


def test_every_figure_has_a_flat_name() -> None:
    found = curve(ramp(8))
    assert found["wel_p95_ms_at_8"] == GOOD["wel_p95_ms"]
    assert len(found) == len(GOOD)


def test_every_number_tried_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_curve(ramp(8))
    shown = capsys.readouterr().out
    assert "350 / 575" in shown
    assert "broke" in shown


def test_late_clients_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_curve(ramp(8))
    assert "themselves" not in capsys.readouterr().out
    print_curve(ramp(8, client_late_p99_ms=30.0))
    assert "The clients themselves were late" in capsys.readouterr().out


def test_the_summary_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary({"model": "bundled"}, summary(ramp(8), {}, cores=2, has_gpu=False))
    assert "most streams" in capsys.readouterr().out


def test_a_disturbed_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_curve(ramp(8, others_cpu_percent=40.0))
    assert "Other processes used much of the machine" in capsys.readouterr().out
