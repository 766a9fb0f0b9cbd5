from random import Random

import pytest

from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.infrastructure import Infrastructure, Shares
from tests.benchmarks.sizing.figures import measured


def test_shares_are_those_of_the_measured_costs() -> None:
    shares = Shares.of(Deployment(100, 0.5, gateways=2, shards=2), measured())
    # Measured with speech half of the time: 4 ms a second of a caller, as here.
    assert shares.gateway == pytest.approx(50 * 0.004)
    assert shares.shard_cpu == pytest.approx(25 * 0.004)
    assert shares.shard_network == pytest.approx(25 * 500_000 * 8 / 10e9)


def test_callers_who_speak_less_cost_a_gateway_their_frames_and_less_decodes() -> None:
    shares = Shares.of(Deployment(1, 0.25), measured())
    frames_s = 50 * 40e-6
    assert shares.gateway == pytest.approx(frames_s + (0.004 - frames_s) / 2)


def test_a_shard_takes_one_job_after_the_other() -> None:
    between = Infrastructure(Deployment(4, 0.3, shards=2), measured(hop_p50_ms=0), Random(1))
    one, other, same = (between.pass_on(caller, now=0.0) for caller in (0, 1, 2))
    job_s = 0.004 / 4  # of a second of speech, in which there are 4
    assert one == pytest.approx(job_s, abs=0.2e-3)
    assert other == pytest.approx(job_s, abs=0.2e-3)
    assert same == pytest.approx(2 * job_s, abs=0.2e-3)


@pytest.mark.parametrize(
    ("callers", "at_least_ms", "at_most_ms"), [(10, 0, 0.2), (240, 0.2, 30), (400, 100, 1e4)]
)
def test_the_wait_for_a_gateway_grows_with_its_callers(
    callers: int, at_least_ms: float, at_most_ms: float
) -> None:
    between = Infrastructure(Deployment(callers, 0.5), measured(hop_p50_ms=0), Random(1))
    waits_ms = [1000 * between.pass_on(0, now=float(second)) - 1 for second in range(500)]
    assert at_least_ms <= sum(waits_ms) / len(waits_ms) <= at_most_ms
