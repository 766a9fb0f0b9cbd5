"""Clients that do not read what they are sent, many of them, beside one that does."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.gateway.fakes import Stage, staged
from tests.observing import until
from tests.peer import Peer, joined
from voicegw.dialects import native

pytestmark = pytest.mark.usefixtures("virtual_clock")

CLIENTS = 20
OUTBOX_BYTES = 100_000
HELLO = native.TextMessage(text="hello")


async def stuck(stage: Stage, stack: AsyncExitStack) -> Peer:
    """A client that asks for much and reads nothing."""
    peer = await stack.enter_async_context(joined(stage.url, max_queue=1))
    stack.callback(peer.socket.transport.abort)
    peer.socket.transport.pause_reading()
    await peer.send(HELLO)
    return peer


async def assert_served(stage: Stage) -> None:
    """Somebody else's turn takes no longer than it should, even on a busy machine."""
    stage.responder.pieces = ["Good", " day."]
    began = time.monotonic()
    async with joined(stage.url) as reader:
        await reader.send(HELLO)
        assert (await reader.until(native.ReplyDoneMessage)).text == "Good day."
    assert time.monotonic() - began < 5


def held(stage: Stage) -> list[int]:
    """Bytes that wait for each client."""
    return [host.outbox.journal._waiting_bytes for host in stage.gateway.sessions]


async def test_many_who_do_not_read_hold_up_nobody() -> None:
    async with (
        staged(max_sessions=CLIENTS + 1, max_outbox_bytes=OUTBOX_BYTES) as stage,
        AsyncExitStack() as stack,
    ):
        stage.responder.pieces = ["x" * 20_000] * 500
        for _ in range(CLIENTS):
            await stuck(stage, stack)
        await until(lambda: len(stage.responder.prompts) == CLIENTS)
        await assert_served(stage)
        await until(lambda: stage.value("session_ends_total", reason="slow_consumer") == CLIENTS)
        assert not any(held(stage))


async def test_what_waits_for_each_is_bounded_while_it_waits() -> None:
    async with (
        staged(max_sessions=CLIENTS + 1, max_outbox_bytes=OUTBOX_BYTES) as stage,
        AsyncExitStack() as stack,
    ):
        stage.responder.gate.clear()
        stage.responder.pieces = ["x" * 20_000] * 5
        for _ in range(CLIENTS):
            await stuck(stage, stack)
        stage.responder.gate.set()
        await until(lambda: len(stage.responder.prompts) == CLIENTS)
        await asyncio.sleep(0.1)
        assert max(held(stage)) <= OUTBOX_BYTES
        await assert_served(stage)
