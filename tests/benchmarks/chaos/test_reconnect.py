"""All clients lose their connections to a real gateway whose ports are scripted."""

from contextlib import AsyncExitStack

import pytest

from benchmarks.chaos.command import main
from benchmarks.chaos.reconnect import Reconnects, figures_of, reset_all, unaffected_figures
from benchmarks.relay import relay
from clients.client import VoiceClient
from tests.benchmarks.capacity.spoken import run, spoken
from tests.gateway.fakes import staged
from voicegw.gateway.session.write_ahead import ResumeOptions


async def test_every_client_resumes_its_session() -> None:
    async with staged() as stage, relay(stage.url) as between, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(VoiceClient.connect(between.url)) for _ in range(5)]
        figures = figures_of(await reset_all(clients, between.cut))
        assert stage.value("resumes_total", outcome="resumed") == 5
    assert figures["storm_lost"] == 0
    assert 0 < figures["storm_back_p50_ms"] <= 1000 * figures["storm_back_s"] < 20_000


async def test_lost_sessions_are_counted() -> None:
    async with (
        staged(resume=ResumeOptions(window_ms=0)) as stage,
        relay(stage.url) as between,
        VoiceClient.connect(between.url) as client,
    ):
        assert figures_of(await reset_all([client], between.cut))["storm_lost"] == 1


def test_the_rest_of_the_line_goes_to_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    async def measure(*of: object) -> Reconnects:
        asked.extend(of)
        return Reconnects(1, back_s=[0.1])

    monkeypatch.setattr("benchmarks.chaos.reconnect.measure", measure)
    assert main(["reconnect", "--clients", "3", "--serve", "--workers", "2"]) == 0
    assert asked == [3, ["--workers", "2"]]
    assert "storm_back_s" in capsys.readouterr().out


def test_the_slowest_client_counts() -> None:
    figures = figures_of(Reconnects(4, back_s=[0.1, 0.3, 0.2]))
    assert (figures["storm_back_s"], figures["storm_lost"]) == (0.3, 1)


def test_words_due_around_the_reset_count() -> None:
    found = unaffected_figures(run(spoken(6_000, 9_000)), 108.0, 111.0)
    assert found["survivors_words"] == 2
    assert found["survivors_wel_max_ms"] == pytest.approx(600)
    assert found["survivors_trouble"] == 0


def test_without_due_words_there_is_nothing_to_count() -> None:
    found = unaffected_figures(run(spoken(6_000)), 108.0, 111.0)
    assert found["survivors_words"] == 0


def test_finals_count_beyond_the_end_silence() -> None:
    flags = ["--session.endpoint.end-silence-ms", "300"]
    found = unaffected_figures(run(spoken(6_000)), 106.0, 108.0, flags)
    assert found["survivors_excess_fl_p95_ms"] == pytest.approx(500)
