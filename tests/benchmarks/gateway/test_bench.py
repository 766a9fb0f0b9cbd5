"""The processes of the benchmark, for real and for a moment."""

import os

import pytest

from benchmarks.gateway import bench

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads Linux's /proc")


async def test_a_server_under_load_reports_its_resources() -> None:
    async with bench.server("gateway_vad") as server, bench.load(server, 2) as client:
        cost = await bench.frame_cost(server, client, seconds=0.2)
        await bench.state(server, b"watch")
        assert (await bench.stream(client, 0.2)).frames == 20
        lags_ms = (await bench.state(server)).lags_ms
    assert 0 < cost.frame_us < 10_000
    assert lags_ms
    assert min(lags_ms) >= 0


async def test_a_server_receives_the_packets_of_calls() -> None:
    async with bench.server("gateway_vad") as server, bench.load(server, 2, calls=True) as client:
        cost = await bench.frame_cost(server, client, seconds=0.2)
        assert (await bench.stream(client, 0.2)).frames == 20, "no call was ended by an error"
    assert 0 < cost.frame_us < 10_000


async def test_a_full_server_refuses_connections() -> None:
    refused = await bench.refusals(capacity=4, seconds=1.0)
    assert refused.statuses == (503, 503)
    assert min(refused.answered_ms) > 0
