"""The relay between clients and a gateway."""

import asyncio

import pytest
from websockets.exceptions import InvalidMessage

from benchmarks.relay import relay
from tests.gateway.fakes import staged
from tests.gateway.session.test_resume import back, cut
from tests.observing import until
from tests.peer import joined
from voicegw.dialects import native


async def test_everything_is_relayed() -> None:
    async with staged() as stage, relay(stage.url) as way, joined(way.url) as peer:
        await peer.send(native.TextMessage(text="hello"))
        assert (await peer.until(native.ReplyDoneMessage)).text == "Good day."


async def test_a_cut_is_a_reset_for_both_ends() -> None:
    async with staged() as stage, relay(stage.url) as way, joined(way.url) as peer:
        way.cut()
        assert await peer.closed() == 1006
        await until(lambda: stage.value("sessions_detached") == 1)


async def test_a_blocked_connection_is_detected_by_pings() -> None:
    async with (
        staged(ping_interval_ms=100, ping_timeout_ms=100) as stage,
        relay(stage.url) as way,
        joined(way.url) as peer,
    ):
        way.silence()
        await until(lambda: stage.value("sessions_detached") == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peer.socket.recv()
        async with back(stage, peer) as again:
            assert again.of(native.ReadyMessage)[-1].resumed
        cut(peer)


async def test_an_unreachable_gateway_is_a_reset() -> None:
    async with relay("ws://127.0.0.1:9/v1/stream") as way:
        with pytest.raises(InvalidMessage):
            await joined(way.url).__aenter__()
