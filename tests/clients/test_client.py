import asyncio
import socket
from http import HTTPStatus

import pytest

from clients.client import VoiceClient
from clients.errors import ConnectionLost, NotOurDialect, Refused, Unreachable
from tests.clients.scripted_server import FINAL, LATENCY, PARTIAL, READY, TURN, Peer, scripted_server
from voicegw.dialects import native


async def messages_of(client: VoiceClient) -> list[native.ServerMessage]:
    return [message async for message in client]


async def test_iterates_over_typed_messages_until_the_server_closes() -> None:
    async with scripted_server() as server, VoiceClient.connect(server.url) as client:
        assert client.ready == READY
        await client.end()
        assert await messages_of(client) == list(TURN)


async def test_asks_for_the_session_in_the_url_and_the_subprotocol() -> None:
    async with scripted_server() as server:
        async with VoiceClient.connect(server.url, rate=8000, audio_format="mulaw", reply="none"):
            assert server.peers[0].socket.subprotocol == native.SUBPROTOCOL
        assert server.paths == [f"{native.PATH}?rate=8000&format=mulaw&reply=none"]


async def test_adds_to_a_query_that_is_there() -> None:
    async with scripted_server() as server:
        async with VoiceClient.connect(server.url + "?lang=en"):
            pass
        assert server.paths == [f"{native.PATH}?lang=en&rate=16000&format=pcm_s16le&reply=text"]


async def test_sends_audio_and_every_request() -> None:
    async with scripted_server() as server, VoiceClient.connect(server.url) as client:
        await client.send_audio(b"\x01\x00" * 320)
        await client.commit()
        await client.cancel()
        await client.say("hello")
        await client.configure(end_silence_ms=300)
        await client.end()
        await messages_of(client)
    assert server.peers[0].audio == b"\x01\x00" * 320
    assert server.peers[0].requests == [
        native.CommitMessage(),
        native.CancelMessage(),
        native.TextMessage(text="hello"),
        native.ConfigureMessage(end_silence_ms=300),
        native.EndMessage(),
    ]


async def test_a_refused_upgrade_shows_the_servers_reason() -> None:
    body = '{"error":{"code":"at_capacity","message":"full","retryable":true,"retry_after_ms":1000}}'
    async with scripted_server(refuse_with=(HTTPStatus.SERVICE_UNAVAILABLE, body)) as server:
        with pytest.raises(Refused, match="at_capacity: full") as refused:
            await VoiceClient.connect(server.url).__aenter__()
    assert (refused.value.status, refused.value.code) == (503, "at_capacity")
    assert (refused.value.retryable, refused.value.retry_after_ms) == (True, 1000)


async def test_a_refusal_of_another_server_shows_its_status() -> None:
    async with scripted_server(refuse_with=(HTTPStatus.NOT_FOUND, "<html>")) as server:
        with pytest.raises(Refused, match="HTTP status 404") as refused:
            await VoiceClient.connect(server.url).__aenter__()
    assert not refused.value.retryable


async def test_a_refusal_instead_of_the_greeting() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.send(native.ErrorMessage(seq=1, code="draining", message="later", retryable=True))

    async with scripted_server(refuse) as server:
        with pytest.raises(Refused, match="draining: later") as refused:
            await VoiceClient.connect(server.url).__aenter__()
    assert refused.value.retryable


async def test_a_greeting_of_another_kind_is_not_our_dialect() -> None:
    async def babble(peer: Peer) -> None:
        await peer.send(PARTIAL)

    async with scripted_server(babble) as server:
        with pytest.raises(NotOurDialect, match="PartialMessage"):
            await VoiceClient.connect(server.url).__aenter__()


async def test_a_server_that_closes_before_the_greeting() -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.socket.close(1011, "no luck")

    async with scripted_server(hang_up) as server:
        with pytest.raises(ConnectionLost, match="1011: no luck"):
            await VoiceClient.connect(server.url).__aenter__()


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unheard.getsockname()[1]}/v1/stream"
        with pytest.raises(Unreachable, match="no voicegw server answers"):
            await VoiceClient.connect(url).__aenter__()


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1/v1/stream"])
async def test_a_url_that_is_none_is_unreachable(url: str) -> None:
    with pytest.raises(Unreachable):
        await VoiceClient.connect(url).__aenter__()


async def test_an_abnormal_close_is_a_lost_connection() -> None:
    async def cut(peer: Peer) -> None:
        await peer.send(READY, FINAL)
        await peer.socket.close(1013, "too slow")

    async with scripted_server(cut) as server, VoiceClient.connect(server.url) as client:
        assert await anext(client) == FINAL
        with pytest.raises(ConnectionLost, match="1013: too slow") as lost:
            await anext(client)
        assert lost.value.close_code == 1013
        with pytest.raises(ConnectionLost, match="1013"):
            await client.send_audio(b"\0\0")


async def test_a_connection_that_breaks_is_lost() -> None:
    async def vanish(peer: Peer) -> None:
        await peer.send(READY)
        peer.socket.transport.abort()

    async with scripted_server(vanish) as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(ConnectionLost, match="broke") as lost:
            await anext(client)
    assert lost.value.close_code == 1006


async def test_a_message_of_an_unknown_shape() -> None:
    async def babble(peer: Peer) -> None:
        await peer.send(READY)
        await peer.socket.send('{"type":"weather","seq":2}')

    async with scripted_server(babble) as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(NotOurDialect, match="weather"):
            await anext(client)


async def test_a_server_that_does_not_settle_is_given_up() -> None:
    async def dawdle(peer: Peer) -> None:
        await peer.send(READY, LATENCY)
        await peer.socket.wait_closed()

    async with scripted_server(dawdle) as server, VoiceClient.connect(server.url, settle_s=0.01) as client:
        assert await anext(client) == LATENCY
        waiting = asyncio.ensure_future(anext(client))
        await asyncio.sleep(0)
        await client.end()
        with pytest.raises(ConnectionLost, match=r"did not settle in 0\.01 s"):
            await waiting
