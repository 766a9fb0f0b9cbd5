import pytest

from benchmarks.sizing.batching import Device, SharedDevice, compare, main

SHARED = Device(0.03, 0.06, beside=1.0)
OWN_CORES = Device(0.03, 0.06, beside=0.0)


def test_a_batch_alone_takes_its_time() -> None:
    assert [SHARED.alone_s(jobs) for jobs in (1, 8)] == pytest.approx([0.03, 0.06])


def test_on_a_shared_device_gathering_is_chosen_and_answers_come_sooner() -> None:
    at_once, gathering = compare(SHARED, jobs_per_s=60, seconds=30).values()
    assert gathering[0] < at_once[0] / 2
    assert gathering[1] < at_once[1] / 2
    assert SHARED.gather_s == pytest.approx(0.12)


def test_on_cores_of_their_own_nothing_is_gained_and_nothing_gathers() -> None:
    at_once, gathering = compare(OWN_CORES, jobs_per_s=60, seconds=30).values()
    assert gathering == at_once
    forced = SharedDevice(OWN_CORES, 60, gather_s=0.12)
    forced.run(30)
    assert sum(forced.answered_s) / len(forced.answered_s) > at_once[0] / 1000


def test_a_job_at_an_idle_device_never_waits() -> None:
    lone = SharedDevice(SHARED, jobs_per_s=0.5, gather_s=10.0)
    lone.run(100)
    assert max(lone.answered_s) < 0.1


def test_the_benchmark_prints_every_load(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "6"]) == 0
    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]) == 16
