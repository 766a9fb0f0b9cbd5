"""A small storm over a real gateway whose ports are scripted."""

from contextlib import AsyncExitStack

import pytest

from benchmarks import storm
from benchmarks.links import link
from benchmarks.storm import Storm, figures_of, raise_storm
from clients.client import VoiceClient
from tests.gateway.fakes import staged
from voicegw.gateway.session.write_ahead import ResumeOptions


async def test_everybody_is_back_with_their_session() -> None:
    async with staged() as stage, link(stage.url) as way, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(VoiceClient.connect(way.url)) for _ in range(5)]
        figures = figures_of(await raise_storm(clients, way.cut))
        assert stage.value("resumes_total", outcome="resumed") == 5
    assert figures["storm_lost"] == 0
    assert 0 < figures["storm_back_p50_ms"] <= 1000 * figures["storm_back_s"] < 20_000


async def test_who_has_lost_a_session_is_counted() -> None:
    async with (
        staged(resume=ResumeOptions(window_ms=0)) as stage,
        link(stage.url) as way,
        VoiceClient.connect(way.url) as client,
    ):
        assert figures_of(await raise_storm([client], way.cut))["storm_lost"] == 1


def test_the_rest_of_the_line_goes_to_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    async def measure(*of: object) -> Storm:
        asked.extend(of)
        return Storm(1, back_s=[0.1])

    monkeypatch.setattr(storm, "measure", measure)
    assert storm.main(["--clients", "3", "--serve", "--workers", "2"]) == 0
    assert asked == [3, ["--workers", "2"]]
    assert "storm_back_s" in capsys.readouterr().out


def test_the_slowest_counts() -> None:
    figures = figures_of(Storm(4, back_s=[0.1, 0.3, 0.2]))
    assert (figures["storm_back_s"], figures["storm_lost"]) == (0.3, 1)
