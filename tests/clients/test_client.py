import asyncio
import socket
from http import HTTPStatus

import pytest
from msgspec import structs

from clients.client import VoiceClient
from clients.errors import ConnectionLost, ProtocolError, Refused, Unreachable
from tests.clients.scripted_server import PARTIAL, READY, TURN, Peer, Script, one_turn, scripted_server
from voicegw.dialects import native

pytestmark = pytest.mark.usefixtures("virtual_clock")

SECOND = TURN[0]


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
        await client.configure(end_silence_ms=300, key_terms=["Quilter"])
        await client.end()
        await messages_of(client)
    assert server.peers[0].audio == b"\x01\x00" * 320
    assert server.peers[0].requests == [
        native.CommitMessage(),
        native.CancelMessage(),
        native.TextMessage(text="hello"),
        native.ConfigureMessage(end_silence_ms=300, key_terms=("Quilter",)),
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


async def test_a_refusal_instead_of_the_ready_message() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.send(native.ErrorMessage(seq=1, code="draining", message="later", retryable=True))

    async with scripted_server(refuse) as server:
        with pytest.raises(Refused, match="draining: later") as refused:
            await VoiceClient.connect(server.url).__aenter__()
    assert refused.value.retryable


async def test_another_first_message_is_a_protocol_error() -> None:
    async def babble(peer: Peer) -> None:
        await peer.send(PARTIAL)

    async with scripted_server(babble) as server:
        with pytest.raises(ProtocolError, match="PartialMessage"):
            await VoiceClient.connect(server.url).__aenter__()


async def test_a_server_that_closes_before_the_ready_message() -> None:
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
        await peer.send(READY, SECOND)
        await peer.socket.close(1013, "too slow")

    async with scripted_server(cut) as server, VoiceClient.connect(server.url, reconnect_s=0) as client:
        assert await anext(client) == SECOND
        with pytest.raises(ConnectionLost, match="1013: too slow") as lost:
            await anext(client)
        assert lost.value.close_code == 1013
        with pytest.raises(ConnectionLost, match="1013"):
            await client.send_audio(b"\0\0")


async def test_a_connection_that_breaks_is_lost() -> None:
    async def vanish(peer: Peer) -> None:
        await peer.send(READY)
        peer.socket.transport.abort()

    async with scripted_server(vanish) as server, VoiceClient.connect(server.url, reconnect_s=0) as client:
        with pytest.raises(ConnectionLost, match="broke") as lost:
            await anext(client)
    assert lost.value.close_code == 1006


async def test_a_message_of_an_unknown_shape() -> None:
    async def babble(peer: Peer) -> None:
        await peer.send(READY)
        await peer.socket.send('{"type":"weather","seq":2}')

    async with scripted_server(babble) as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(ProtocolError, match="weather"):
            await anext(client)


ENDING = native.EndingMessage(seq=2, code="token_expired", in_ms=1000)


async def test_messages_are_received_while_a_new_token_is_made() -> None:
    made, makes = asyncio.Event(), 0

    async def make() -> str:
        nonlocal makes
        makes += 1
        if makes > 1:
            await made.wait()
        return f"token {makes}"

    async def expire(peer: Peer) -> None:
        await peer.send(READY, ENDING, structs.replace(ENDING, seq=3))
        await peer.until(native.RefreshMessage)
        await peer.send(TURN[2])

    async with scripted_server(expire) as server, VoiceClient.connect(server.url, token=make) as client:
        assert [(await anext(client)).seq for _ in range(2)] == [2, 3]
        made.set()
        assert await anext(client) == TURN[2]
    assert server.peers[0].requests == [native.RefreshMessage(token="token 2")]


async def test_a_new_token_is_not_waited_for_at_the_end() -> None:
    made = []

    async def make() -> str:
        made.append("begun")
        if len(made) > 1:
            try:
                await asyncio.sleep(1000)
            finally:
                made.append("cancelled")
        return "token"

    async def expire(peer: Peer) -> None:
        await peer.send(READY, ENDING)
        await peer.socket.wait_closed()

    async with scripted_server(expire) as server, VoiceClient.connect(server.url, token=make) as client:
        assert await anext(client) == ENDING
        await asyncio.sleep(0)
    assert made == ["begun", "begun", "cancelled"]


@pytest.mark.parametrize("close_code", [None, 1008])
async def test_an_error_of_the_function_that_makes_tokens_is_raised_once(close_code: int | None) -> None:
    made = iter(["token"])

    def make() -> str:
        for token in made:
            return token
        raise ValueError("no key")

    async def expire(peer: Peer) -> None:
        await peer.send(READY, ENDING)
        if close_code:
            await peer.socket.close(close_code)
        await peer.socket.wait_closed()

    async with scripted_server(expire) as server, VoiceClient.connect(server.url, token=make) as client:
        assert await anext(client) == ENDING
        if close_code is None:
            await asyncio.sleep(0)
        with pytest.raises(ValueError, match="no key"):
            await anext(client)
        if close_code:
            with pytest.raises(ConnectionLost, match="1008"):
                await anext(client)


async def test_a_server_that_does_not_settle_is_given_up() -> None:
    async def dawdle(peer: Peer) -> None:
        await peer.send(READY, SECOND)
        await peer.socket.wait_closed()

    async with scripted_server(dawdle) as server, VoiceClient.connect(server.url, settle_s=0.01) as client:
        assert await anext(client) == SECOND
        waiting = asyncio.ensure_future(anext(client))
        await asyncio.sleep(0)
        await client.end()
        with pytest.raises(ConnectionLost, match=r"not finished in 0\.01 s"):
            await waiting


# --- lost connections ---


def ready(*, resumed: bool, seq: int, samples: int = 0, messages: int = 0) -> native.ReadyMessage:
    session = "s1" if resumed else "s2"
    return structs.replace(
        READY, session=session, resumed=resumed, seq=seq, next_sample=samples, next_message=messages
    )


def in_turn(*scripts: Script) -> Script:
    """The first connection gets the first script, and so on."""
    waiting = list(scripts)

    async def play(peer: Peer) -> None:
        await waiting.pop(0)(peer)

    return play


async def cut_off(peer: Peer) -> None:
    """Takes 640 samples and a request, says one thing, and is gone."""
    await peer.send(READY)
    await peer.until(native.CommitMessage)
    await peer.send(TURN[0])
    await asyncio.sleep(0.01)
    peer.socket.transport.abort()


async def test_comes_back_for_what_it_missed_and_sends_again_what_was_not_taken() -> None:
    async def go_on(peer: Peer) -> None:
        await peer.send(TURN[1], ready(resumed=True, seq=4, samples=320))
        await peer.until(native.EndMessage)

    async with scripted_server(in_turn(cut_off, go_on)) as server, VoiceClient.connect(server.url) as client:
        await client.send_audio(b"\x01\x00" * 640)
        await client.commit()
        assert [await anext(client) for _ in range(3)] == [
            *TURN[:2],
            ready(resumed=True, seq=4, samples=320),
        ]
        await client.send_audio(b"\x02\x00" * 100)
        await client.end()
        assert await messages_of(client) == []
    assert server.paths[1].endswith("&session=s1&epoch=1&last_seq=2")
    assert server.peers[1].audio == b"\x01\x00" * 320 + b"\x02\x00" * 100
    assert server.peers[1].requests == [native.CommitMessage(), native.EndMessage()]


async def test_a_session_that_is_lost_is_begun_anew() -> None:
    async def begin(peer: Peer) -> None:
        await peer.send(ready(resumed=False, seq=1))
        await peer.until(native.EndMessage)
        await peer.send(*TURN)

    async with scripted_server(in_turn(cut_off, begin)) as server, VoiceClient.connect(server.url) as client:
        await client.send_audio(b"\x01\x00" * 640)
        await client.commit()
        await client.played(100, 1)
        await client.cancel()
        await client.end()
        said = await messages_of(client)
    assert said == [TURN[0], ready(resumed=False, seq=1), *TURN]
    assert server.peers[1].audio == b"\x01\x00" * 640
    assert server.peers[1].requests == [native.CommitMessage(), native.EndMessage()]


async def test_a_message_that_comes_twice_is_told_once() -> None:
    async def repeat(peer: Peer) -> None:
        await peer.send(TURN[0], TURN[1], ready(resumed=True, seq=4))
        await peer.socket.close()

    async with scripted_server(in_turn(cut_off, repeat)) as server, VoiceClient.connect(server.url) as client:
        await client.commit()
        numbers = [message.seq for message in await messages_of(client)]
    assert numbers == [2, 3, 4]


async def test_a_message_that_is_missing_is_noticed() -> None:
    async def skip(peer: Peer) -> None:
        await peer.send(READY, TURN[2])

    async with scripted_server(skip) as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(ProtocolError, match="message 4 came after message 1"):
            await anext(client)


async def test_a_client_that_the_server_has_had_enough_of_stays_away() -> None:
    async def throw_out(peer: Peer) -> None:
        await peer.send(READY)
        await peer.socket.close(1008, "audio_too_fast")

    async with scripted_server(throw_out) as server, VoiceClient.connect(server.url) as client:
        with pytest.raises(ConnectionLost, match="1008: audio_too_fast"):
            await anext(client)
    assert len(server.peers) == 1


async def test_a_server_that_does_not_come_back_is_given_up() -> None:
    async with scripted_server(cut_off) as server, VoiceClient.connect(server.url, reconnect_s=0.1) as client:
        await client.commit()
        assert await anext(client) == SECOND
        server.refuse_with = (HTTPStatus.SERVICE_UNAVAILABLE, "")
        with pytest.raises(ConnectionLost, match="broke; then the server refused"):
            await anext(client)
        with pytest.raises(ConnectionLost):
            await client.send_audio(b"\0\0")


async def test_a_server_that_closes_every_connection_before_the_session_continues_is_given_up() -> None:
    async def turn_away(peer: Peer) -> None:
        await peer.socket.close(1013, "at_capacity")

    script = in_turn(cut_off, *[turn_away] * 100)
    async with scripted_server(script) as server, VoiceClient.connect(server.url, reconnect_s=20) as client:
        await client.commit()
        assert await anext(client) == SECOND
        with pytest.raises(ConnectionLost, match=r"1013.*; then the server closes every connection"):
            await anext(client)
    assert 5 < len(server.peers) < 50, "with growing delays"


async def test_the_time_to_reconnect_begins_anew_with_each_session() -> None:
    async def late(peer: Peer) -> None:
        await asyncio.sleep(15)
        await peer.send(ready(resumed=False, seq=1))
        peer.socket.transport.abort()

    script = in_turn(cut_off, late, late, one_turn)
    async with scripted_server(script) as server, VoiceClient.connect(server.url, reconnect_s=20) as client:
        await client.commit()
        await client.end()
        assert (await messages_of(client))[-1] == TURN[-1]


async def test_another_server_is_tried_when_one_is_gone() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        gone = f"ws://127.0.0.1:{unheard.getsockname()[1]}/v1/stream"
        async with scripted_server() as server, VoiceClient.connect(f"{gone},{server.url}") as client:
            await client.end()
            assert await messages_of(client) == list(TURN)


async def test_another_server_is_tried_when_one_closes_each_connection_before_the_session_continues() -> None:
    async def turn_away(peer: Peer) -> None:
        await peer.socket.close(1013, "at_capacity")

    script = in_turn(cut_off, *[turn_away] * 100)
    async with (
        scripted_server(script) as first,
        scripted_server() as second,
        VoiceClient.connect(f"{first.url},{second.url}") as client,
    ):
        await client.commit()
        await client.end()
        assert (await messages_of(client))[-1] == TURN[-1]
    assert (len(first.peers), len(second.peers)) == (2, 1)


async def test_acknowledges_what_it_has_seen() -> None:
    async def talk(peer: Peer) -> None:
        said = [native.ReplyDeltaMessage(seq=seq, turn=1, text="x") for seq in range(2, 41)]
        await peer.send(READY, *said)
        await peer.until(native.AckMessage)

    async with scripted_server(talk) as server, VoiceClient.connect(server.url) as client:
        await messages_of(client)
    assert server.peers[0].requests == [native.AckMessage(seq=32)]
