import asyncio

import pytest

from clients.calls.server_latency import server_latency
from tests.gateway.fakes import staged
from voicegw.core.latency import TurnLatency


def test_nobody_at_the_address_is_no_figure() -> None:
    assert server_latency("ws://127.0.0.1:9") == {}


async def test_the_mean_of_each_step() -> None:
    async with staged() as stage:
        for final_ms in (100.0, 300.0):
            stage.gateway.metrics.observe_turn(TurnLatency(1, final_ms=final_ms, first_token_ms=500.0))
        origin = f"ws://127.0.0.1:{stage.port}"
        figures = await asyncio.to_thread(server_latency, origin)
    assert figures == {"final_ms": pytest.approx(200), "first_token_ms": pytest.approx(500)}
