import pytest

from benchmarks.gateway.bench import Cost
from benchmarks.gateway.command import call_figures, cost_figures, refusal_figures
from benchmarks.gateway.requests import AttemptResults


def costs(*frame_us: float) -> list[Cost]:
    return [Cost(us, late_p99_ms=us / 10) for us in frame_us]


def test_each_turn_is_compared_with_the_bare_loop_of_the_same_turn() -> None:
    found = cost_figures(
        {"bare": costs(10, 20, 40), "gateway": costs(12, 26, 60), "gateway_vad": costs(20, 40, 80)}
    )
    assert found["frame_cost_ratio"] == pytest.approx(1.3)
    assert found["frame_cost_ratio_least"] == pytest.approx(1.2)
    assert found["frame_cost_ratio_most"] == pytest.approx(1.5)
    assert found["frame_cost_ratio_vad"] == pytest.approx(2.0)
    assert found["client_late_p99_ms"] == 8


def test_calls_take_their_share_of_a_core() -> None:
    found = call_figures({"bare": costs(10), "gateway": costs(12), "gateway_vad": costs(20)}, calls=100)
    assert found["call_frame_cost_ratio_vad"] == pytest.approx(2.0)
    assert found["calls_core_percent"] == pytest.approx(10.0)  # 5,000 packets a second of 20 us


def test_admitted_connections_are_not_refusals() -> None:
    found = refusal_figures(AttemptResults(statuses=(503, 101, 503), answered_ms=(10.0, 500.0, 30.0)))
    assert found == {"refusals": 2, "refusal_p50_ms": 20, "refusal_p95_ms": pytest.approx(29)}
