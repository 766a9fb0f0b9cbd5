import os
import sys
from http import HTTPStatus

import msgspec
import pytest

from benchmarks.capacity import load
from benchmarks.capacity.load import Cpu, Timing, run
from benchmarks.capacity.ramp import speakers_for
from clients.errors import ClientError
from clients.local_server import LocalServer
from clients.samples import read_samples
from tests.clients.scripted_server import scripted_server

BUSY = (HTTPStatus.SERVICE_UNAVAILABLE, "")


async def test_speakers_share_a_few_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LEAD_S", 0.3)
    monkeypatch.setattr(load, "SPEAKERS_PER_PROCESS", 2)
    async with scripted_server(refuse_with=BUSY) as server:
        found = await run(LocalServer(server.url, os.getpid()), speakers_for(3), Timing(0.3, 0.1), "none")
        assert len(server.paths) == 3
    assert [len(one.refusals_ms) for one in found.spoken] == [1, 1, 1]
    assert found.to_s - found.from_s == pytest.approx(0.3)


async def test_speakers_say_the_samples_in_their_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LEAD_S", 0.3)
    samples = [msgspec.structs.replace(read_samples()[0], language="de")]
    async with scripted_server(refuse_with=BUSY) as server:
        there = LocalServer(server.url, os.getpid())
        await run(there, speakers_for(1), Timing(0.3, 0.1), "none", samples=samples)
        assert all("lang=de" in path for path in server.paths)


async def test_a_client_process_that_cannot_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ClientError, match="failed to start"):
        await run(LocalServer("ws://127.0.0.1:1/", os.getpid()), speakers_for(1), Timing(0.1, 0.1), "none")


def test_what_was_used_is_a_difference() -> None:
    used = Cpu(5.0, 7.0, 2.0, 20.0) - Cpu(1.0, 2.0, 0.5, 8.0)
    assert used == Cpu(4.0, 5.0, 1.5, 12.0)
    assert used.others_s == 1.5
