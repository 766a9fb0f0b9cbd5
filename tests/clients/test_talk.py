import asyncio
from collections.abc import AsyncGenerator

import pytest

from clients.client import VoiceClient
from clients.errors import AudioError, ConnectionLost
from clients.talk import talk
from tests.clients.scripted_server import READY, TURN, Peer, scripted_server
from voicegw.dialects import native


async def spoken(*frames: bytes) -> AsyncGenerator[tuple[float, bytes], None]:
    for frame in frames:
        yield 0.0, frame


async def endless() -> AsyncGenerator[tuple[float, bytes], None]:
    while True:
        yield 0.0, b"\0\0"
        await asyncio.sleep(0)


async def test_sends_the_source_ends_and_shows_everything() -> None:
    shown: list[native.ServerMessage] = []
    async with scripted_server() as server, VoiceClient.connect(server.url) as client:
        await talk(client, spoken(b"ab", b"cd"), shown.append)
    assert server.peers[0].audio == b"abcd"
    assert shown == list(TURN)


async def test_stops_an_endless_source_when_asked() -> None:
    stop = asyncio.Event()
    stop.set()
    shown: list[native.ServerMessage] = []
    async with scripted_server() as server, VoiceClient.connect(server.url) as client:
        await talk(client, endless(), shown.append, stop)
    assert server.peers[0].audio == b"\0\0"
    assert shown == list(TURN)


async def test_a_source_that_fails_still_settles_what_was_said() -> None:
    async def unplugged() -> AsyncGenerator[tuple[float, bytes], None]:
        yield 0.0, b"ab"
        raise AudioError("unplugged")

    shown: list[native.ServerMessage] = []
    async with scripted_server() as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(AudioError, match="unplugged"):
            await talk(client, unplugged(), shown.append)
    assert shown == list(TURN)


async def test_a_lost_connection_stops_the_source() -> None:
    async def cut(peer: Peer) -> None:
        await peer.send(READY)
        await peer.socket.close(1011)

    source = endless()
    async with scripted_server(cut) as server, VoiceClient.connect(server.url, reconnect_s=0) as client:
        with pytest.raises(ConnectionLost, match="1011"):
            await talk(client, source, lambda _: None)
    await source.aclose()


async def test_a_server_that_closes_before_the_source_is_over() -> None:
    async def leave(peer: Peer) -> None:
        await peer.send(READY)

    source = endless()
    async with scripted_server(leave) as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(ConnectionLost, match="1000"):
            await talk(client, source, lambda _: None)
    await source.aclose()
