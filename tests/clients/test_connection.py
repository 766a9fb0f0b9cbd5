"""A server that falls silent is found out, one that is slow is not given up; over real sockets."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from benchmarks.relay import relay
from clients import connection, line
from clients.client import VoiceClient
from clients.connection import LEAST_S, MOST_S, REMEMBERED, UNKNOWN_S, Patience
from clients.errors import ConnectionLost
from tests.clients.scripted_server import READY, Peer, scripted_server
from tests.gateway.fakes import LOUD, QUIET, staged
from tests.gateway.session.test_takeover import gateway
from voicegw.dialects import native


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks early and waits for tenths of a second."""
    for name in ("ASK_BUSY_S", "ASK_IDLE_S"):
        monkeypatch.setattr(connection, name, 0.02)
    monkeypatch.setattr(connection, "LEAST_S", 0.2)
    monkeypatch.setattr(connection, "UNKNOWN_S", 0.2)


async def until(client: VoiceClient, kind: type[native.Outbound]) -> native.ServerMessage:
    """The next message of this kind."""
    return await anext(message async for message in client if isinstance(message, kind))


# --- how long to wait ---


def test_waits_twice_as_long_as_the_slowest_answer_took() -> None:
    patience = Patience()
    assert patience.allowed_s == UNKNOWN_S
    for took_s in (0.3, 0.7, 0.5):
        patience.receive(took_s)
    assert patience.allowed_s == pytest.approx(1.4)


def test_waits_neither_too_short_nor_for_ever() -> None:
    patience = Patience()
    patience.receive(0.001)
    assert patience.allowed_s == LEAST_S
    patience.receive(60.0)
    assert patience.allowed_s == MOST_S


def test_forgets_a_slow_answer_behind_many_quick_ones() -> None:
    patience = Patience()
    patience.receive(2.0)
    for _ in range(REMEMBERED):
        patience.receive(0.05)
    assert patience.allowed_s == LEAST_S


# --- on the wire ---


@pytest.mark.usefixtures("hasty")
async def test_comes_back_when_its_connection_goes_silent() -> None:
    async with staged() as stage, relay(stage.url) as way, VoiceClient.connect(way.url) as client:
        await client.send_audio(LOUD)
        await until(client, native.PartialMessage)
        way.silence()
        await client.send_audio(LOUD + 2 * QUIET)
        ready = await until(client, native.ReadyMessage)
        assert isinstance(ready, native.ReadyMessage)
        assert (ready.resumed, ready.next_sample) == (True, len(LOUD) // 2)
        assert isinstance(await until(client, native.FinalMessage), native.FinalMessage)


@pytest.mark.usefixtures("hasty")
async def test_goes_on_elsewhere_when_a_server_falls_silent(redis_url: str) -> None:
    async with (
        gateway(redis_url) as first,
        gateway(redis_url) as second,
        relay(first.url) as way,
        VoiceClient.connect(f"{way.url},{second.url}") as client,
    ):
        await client.send_audio(LOUD)
        await until(client, native.PartialMessage)
        way.silence()
        await until(client, native.ReadyMessage)
        assert (client.ready.resumed, client.ready.epoch) == (True, 2)
        assert second.value("sessions") == 1
        await client.send_audio(2 * QUIET)
        await until(client, native.FinalMessage)


@pytest.mark.usefixtures("hasty")
async def test_without_coming_back_it_says_what_was_wrong() -> None:
    async with (
        staged() as stage,
        relay(stage.url) as way,
        VoiceClient.connect(way.url, reconnect_s=0) as client,
    ):
        way.silence()
        with pytest.raises(ConnectionLost, match=r"said nothing for 0\.\d s"):
            await anext(client)


async def test_a_slow_line_is_given_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ASK_BUSY_S", 0.02)
    monkeypatch.setattr(connection, "LEAST_S", 0.02)

    async def echo(peer: Peer) -> None:
        await peer.send(READY)
        for seq in range(2, 8):
            await peer.until(native.CommitMessage)
            await peer.send(native.RefreshedMessage(seq=seq, expires_in_ms=0))

    async with (
        scripted_server(echo) as server,
        relay(server.url, delay_s=0.05) as way,
        VoiceClient.connect(way.url) as client,
    ):
        for _ in range(6):
            await client.commit()
            await until(client, native.RefreshedMessage)
        assert way.connections == 1


@pytest.mark.usefixtures("hasty")
async def test_what_nobody_reads_is_no_silence() -> None:
    async def flood(peer: Peer) -> None:
        said = [native.ReplyDeltaMessage(seq=seq, turn=1, text="x") for seq in range(2, 31)]
        await peer.send(READY, *said)

    async with scripted_server(flood) as server, VoiceClient.connect(server.url) as client:
        await asyncio.sleep(0.5)  # more than a silent server would be given
        assert [message.seq async for message in client] == [*range(2, 31)]
    assert len(server.peers) == 1


@pytest.mark.usefixtures("hasty")
async def test_who_was_stopped_itself_reads_before_it_judges() -> None:
    async with (
        staged() as stage,
        relay(stage.url, delay_s=0.03) as way,
        VoiceClient.connect(way.url) as client,
    ):
        waiting = asyncio.ensure_future(until(client, native.ReplyDoneMessage))
        await asyncio.sleep(0.05)  # it has asked by now, and the answer is on its way
        time.sleep(0.5)  # noqa: ASYNC251  # this process stands still, and so does the server in it
        await client.say("hello")
        await waiting
        assert way.connections == 1


@pytest.fixture
async def mute() -> AsyncIterator[str]:
    """The URL of a process that is stopped: the system takes connections for it, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream"


async def test_a_server_that_answers_nothing_is_passed_over(
    mute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "NEXT_S", 0.1)
    async with scripted_server() as server, VoiceClient.connect(f"{mute},{server.url}") as client:
        assert client.ready == READY
