import pytest

from benchmarks.sizing.deployment import Deployment, worker_slots
from benchmarks.sizing.planning import plan
from tests.benchmarks.sizing.figures import measured

SECONDS = 20.0
WANTED = Deployment(400, 0.3, slots=2)


def test_the_smallest_installation_serves_its_callers_and_a_smaller_one_is_busier_than_planned() -> None:
    found = plan(WANTED, measured(decode_ms=60), SECONDS)
    there = found.deployment
    assert found.in_time
    assert {part.name: part.count for part in found.utilisations} == {
        "workers": there.workers,
        "gateways, CPU": there.gateways,
        "Redis shards, CPU": there.shards,
        "Redis shards, network": there.shards,
    }
    for part in found.utilisations:
        assert part.share <= part.limit * 1.02
        assert part.count == 1 or part.share * part.count / (part.count - 1) > part.limit


@pytest.mark.parametrize(
    ("replaced", "name"),
    [
        ({"redis_out_bytes_per_speech_s": 1e8}, "Redis shards, network"),
        ({"redis_cpu_ms_per_speech_s": 100.0}, "Redis shards, CPU"),
    ],
)
def test_shards_that_are_too_few_are_the_bottleneck(replaced: dict[str, float], name: str) -> None:
    found = plan(WANTED, measured(**replaced), SECONDS, shards=1)
    assert not found.in_time
    assert found.verdict.startswith(f"bottleneck: {name}, ")
    assert found.verdict.endswith("callers are not served in time")
    assert plan(WANTED, measured(**replaced), SECONDS).in_time


def test_words_that_no_worker_can_make_earlier_need_no_endless_search() -> None:
    found = plan(WANTED, measured(hop_p50_ms=2000), SECONDS)
    assert not found.in_time
    assert found.deployment.workers < 20


def test_batches_save_workers() -> None:
    single = plan(WANTED, measured(decode_ms=60), SECONDS)
    batched = plan(WANTED, measured(decode_ms=60, batch_limit=8), SECONDS)
    assert batched.deployment.workers <= single.deployment.workers


def test_the_figures_are_sums_over_all_parts() -> None:
    found = plan(Deployment(4000, 0.25, slots=2), measured(), SECONDS, simulated=400)
    figures = found.figures()
    assert found.simulated.callers == 400
    assert figures["redis_in_mb_per_s"] == 500
    assert figures["clients_mb_per_s"] == 128
    assert figures["jobs_per_s"] == pytest.approx(10 * found.outcome.jobs_per_s)
    assert figures["decodes_at_once"] == 2 * figures["workers"]


@pytest.mark.parametrize(("gather_ms", "cores", "slots"), [(0, 4, 4), (0, None, 2), (120, 4, 1)])
def test_a_gpu_whose_batches_gather_decodes_one_after_the_other(
    gather_ms: float, cores: int | None, slots: int
) -> None:
    assert worker_slots(measured(gather_ms=gather_ms), cores) == slots
