import pytest

from benchmarks.sizing.check import Comparison
from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.server_decodes import ServerDecodes, at_speed
from benchmarks.sizing.simulation import Simulation
from tests.benchmarks.sizing.figures import measured
from tests.speech import job
from voicegw.core.jobs import DecodeKind
from voicegw.telemetry import Metrics

PARTIAL, FINAL = DecodeKind.PARTIAL, DecodeKind.FINAL


def run_of(*durations_ms: float, kind: DecodeKind = PARTIAL) -> ServerDecodes:
    """What the server's own metrics say of these decodes."""
    metrics = Metrics()
    for milliseconds in durations_ms:
        metrics.observe_decode(job(bytes(32_000), kind=kind), milliseconds, 0.0)
    return ServerDecodes.parse(metrics.exposition().decode())


def test_decodes_are_read_from_the_metrics() -> None:
    run = run_of(20, 40, 60) - run_of(20)
    assert run.jobs(PARTIAL) == 2
    assert run.mean_s(PARTIAL) == pytest.approx(0.05)
    assert run.jobs(FINAL) == 0


def test_decodes_that_vary_are_told_from_those_that_do_not() -> None:
    assert run_of(*[30] * 50).variation(PARTIAL) == pytest.approx(0, abs=1e-6)
    assert run_of(*[10] * 50, *[400] * 50).variation(PARTIAL) > 0.8


def test_the_simulation_decodes_as_fast_as_the_run() -> None:
    there = Deployment(4, 0.5, slots=2)
    scaled = at_speed(measured(decode_ms=20), there, run_of(*[80] * 100))
    simulation = Simulation(there, scaled.with_figures({"partial_variation_ratio": 0}))
    simulation.run(50)
    work = simulation.workers.work
    assert work.busy_s[PARTIAL] / work.jobs[PARTIAL] == pytest.approx(0.08)
    assert work.busy_s[FINAL] / work.jobs[FINAL] == pytest.approx(0.02)  # there were none in the run


@pytest.mark.parametrize(
    ("simulated_ms", "apart"), [(300, False), (340, False), (370, True), (230, True), (260, False)]
)
def test_more_than_the_tolerance_apart_is_told(simulated_ms: float, apart: bool) -> None:
    others = {"word_p50_ms": 10.0, "jobs_per_s": 1.0, "busy_percent": 1.0}
    found = Comparison(
        2, {**others, "word_p95_ms": 300.0}, {**others, "word_p50_ms": 40.0, "word_p95_ms": simulated_ms}
    )
    assert found.apart == (["word_p95_ms"] if apart else [])
