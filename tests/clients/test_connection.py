"""A server that stops answering is detected, a slow one is not disconnected; over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from benchmarks.relay import relay
from clients import connection, connector
from clients.client import VoiceClient
from clients.connection import FIRST_TIMEOUT_S, MAX_TIMEOUT_S, MIN_TIMEOUT_S, WINDOW, AdaptiveTimeout
from clients.errors import ConnectionLost
from tests.clients.scripted_server import READY, Peer, scripted_server
from tests.gateway.fakes import LOUD, QUIET, staged
from tests.gateway.session.test_takeover import gateway
from tests.virtual_clock import VirtualClock
from voicegw.dialects import native


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that pings early and waits for tenths of a second."""
    for name in ("PING_BUSY_S", "PING_IDLE_S"):
        monkeypatch.setattr(connection, name, 0.02)
    monkeypatch.setattr(connection, "MIN_TIMEOUT_S", 0.2)
    monkeypatch.setattr(connection, "FIRST_TIMEOUT_S", 0.2)


async def until(client: VoiceClient, kind: type[native.Outbound]) -> native.ServerMessage:
    """The next message of this kind."""
    return await anext(message async for message in client if isinstance(message, kind))


# --- the timeout ---


def test_the_timeout_is_twice_the_slowest_answer_time() -> None:
    timeout = AdaptiveTimeout()
    assert timeout.timeout_s == FIRST_TIMEOUT_S
    for took_s in (0.3, 0.7, 0.5):
        timeout.add(took_s)
    assert timeout.timeout_s == pytest.approx(1.4)


def test_the_timeout_has_a_minimum_and_a_maximum() -> None:
    timeout = AdaptiveTimeout()
    timeout.add(0.001)
    assert timeout.timeout_s == MIN_TIMEOUT_S
    timeout.add(60.0)
    assert timeout.timeout_s == MAX_TIMEOUT_S


def test_a_slow_answer_is_forgotten_after_many_fast_ones() -> None:
    timeout = AdaptiveTimeout()
    timeout.add(2.0)
    for _ in range(WINDOW):
        timeout.add(0.05)
    assert timeout.timeout_s == MIN_TIMEOUT_S


# --- over sockets ---


@pytest.mark.usefixtures("virtual_clock", "short_timeouts")
async def test_resumes_when_its_connection_stops_transmitting() -> None:
    async with staged() as stage, relay(stage.url) as between, VoiceClient.connect(between.url) as client:
        await client.send_audio(LOUD)
        await until(client, native.PartialMessage)
        between.silence()
        await client.send_audio(LOUD + 2 * QUIET)
        ready = await until(client, native.ReadyMessage)
        assert isinstance(ready, native.ReadyMessage)
        assert (ready.resumed, ready.next_sample) == (True, len(LOUD) // 2)
        assert isinstance(await until(client, native.FinalMessage), native.FinalMessage)


@pytest.mark.usefixtures("short_timeouts")
async def test_resumes_at_another_server_when_one_stops_answering(redis_url: str) -> None:
    async with (
        gateway(redis_url) as first,
        gateway(redis_url) as second,
        relay(first.url) as between,
        VoiceClient.connect(f"{between.url},{second.url}") as client,
    ):
        await client.send_audio(LOUD)
        await until(client, native.PartialMessage)
        between.silence()
        await until(client, native.ReadyMessage)
        assert (client.ready.resumed, client.ready.epoch) == (True, 2)
        assert second.value("sessions") == 1
        await client.send_audio(2 * QUIET)
        await until(client, native.FinalMessage)


@pytest.mark.usefixtures("virtual_clock", "short_timeouts")
async def test_without_reconnecting_the_error_names_the_silence() -> None:
    async with (
        staged() as stage,
        relay(stage.url) as between,
        VoiceClient.connect(between.url, reconnect_s=0) as client,
    ):
        between.silence()
        with pytest.raises(ConnectionLost, match=r"sent nothing for 0\.\d s"):
            await anext(client)


@pytest.mark.usefixtures("virtual_clock")
async def test_a_slow_connection_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PING_BUSY_S", 0.02)
    monkeypatch.setattr(connection, "MIN_TIMEOUT_S", 0.02)

    async def echo(peer: Peer) -> None:
        await peer.send(READY)
        for seq in range(2, 8):
            await peer.until(native.CommitMessage)
            await peer.send(native.RefreshedMessage(seq=seq, expires_in_ms=0))

    async with (
        scripted_server(echo) as server,
        relay(server.url, delay_s=0.05) as between,
        VoiceClient.connect(between.url) as client,
    ):
        for _ in range(6):
            await client.commit()
            await until(client, native.RefreshedMessage)
        assert between.connections == 1


@pytest.mark.usefixtures("virtual_clock", "short_timeouts")
async def test_unread_messages_are_not_silence() -> None:
    async def flood(peer: Peer) -> None:
        said = [native.ReplyDeltaMessage(seq=seq, turn=1, text="x") for seq in range(2, 31)]
        await peer.send(READY, *said)

    async with scripted_server(flood) as server, VoiceClient.connect(server.url) as client:
        await asyncio.sleep(0.5)  # longer than the timeout
        assert [message.seq async for message in client] == [*range(2, 31)]
    assert len(server.peers) == 1


@pytest.mark.usefixtures("short_timeouts")
async def test_a_client_that_was_stopped_reads_before_it_disconnects(virtual_clock: VirtualClock) -> None:
    async with (
        staged() as stage,
        relay(stage.url, delay_s=0.03) as between,
        VoiceClient.connect(between.url) as client,
    ):
        waiting = asyncio.ensure_future(until(client, native.ReplyDoneMessage))
        await asyncio.sleep(0.05)  # the ping is sent, the answer is not received yet
        virtual_clock.advance(0.5)  # this process was stopped, with the server in it
        await client.say("hello")
        await waiting
        assert between.connections == 1


@pytest.fixture
async def unanswering() -> AsyncIterator[str]:
    """The URL of a process that is stopped: the system accepts connections, but nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream"


@pytest.mark.usefixtures("virtual_clock")
async def test_a_server_that_does_not_answer_is_skipped(
    unanswering: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "NEXT_S", 0.1)
    async with scripted_server() as server, VoiceClient.connect(f"{unanswering},{server.url}") as client:
        assert client.ready == READY
