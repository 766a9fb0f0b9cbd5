from benchmarks.cluster.windows import windows_figures
from tests.redis_server import RedisServer


async def test_both_transfers_are_measured_for_every_length(redis_server: RedisServer) -> None:
    figures = await windows_figures(redis_server, count=3)
    assert set(figures) == {f"{way}_{s}s_p50_ms" for way in ("inline", "appended") for s in (2, 4, 10)}
    assert all(milliseconds > 0 for milliseconds in figures.values())
    assert redis_server.command("xlen", "{windows}:jobs").strip() == "0"
