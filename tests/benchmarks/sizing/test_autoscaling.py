from benchmarks.sizing.autoscaling import Autoscaler, before_growth, grow
from benchmarks.sizing.deployment import WORKER_LIMIT, Deployment
from benchmarks.sizing.simulation import Simulation
from tests.benchmarks.sizing.figures import measured

WANTED = Deployment(160, 0.3, slots=2)


def test_workers_follow_the_callers_and_words_stay_in_time() -> None:
    figures = measured(decode_ms=60)
    before = before_growth(WANTED, figures)
    found = grow(before, figures, WORKER_LIMIT)
    assert before.callers == 40
    assert found.outcome.word_p95_s < 1
    assert found.workers > before.workers


def test_without_new_workers_words_would_be_late() -> None:
    figures = measured(decode_ms=60)
    before = before_growth(WANTED, figures)
    followed, fixed = (grow(before, figures, threshold).outcome for threshold in (WORKER_LIMIT, 100.0))
    assert fixed.word_p95_s > followed.word_p95_s


def wanted(there: int, share: float, waiting: int = 0) -> int:
    simulation = Simulation(Deployment(1, 0.3), measured())
    return Autoscaler(simulation, measured(), 2, 0.7, there)._wanted(there, share, waiting)


def test_the_number_wanted_is_that_of_kubernetes() -> None:
    assert wanted(10, 0.7) == 10
    assert wanted(10, 0.76) == 10  # within the tolerance
    assert wanted(10, 0.84) == 12
    assert wanted(10, 1.0, waiting=60) == 15
    assert wanted(10, 1.0, waiting=1000) == 20  # twice as many at once
    assert wanted(1, 1.0, waiting=1000) == 5  # or four more
