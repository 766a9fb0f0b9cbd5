"""What one client does to its connection; every port is scripted."""

import asyncio

from tests.gateway.fakes import LOUD, staged
from tests.observing import until
from tests.peer import joined
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

HELLO = native.TextMessage(text="hello")
ENDLESS = "x" * 60_000  # one piece of a reply that nobody reads


async def test_greets_with_what_a_client_may_send() -> None:
    async with staged(idle_timeout_ms=9_000) as stage, joined(stage.url) as peer:
        [ready] = peer.of(native.ReadyMessage)
    assert (ready.epoch, ready.resumed, ready.next_sample) == (1, False, 0)
    assert ready.limits.idle_timeout_ms == 9_000
    assert len(ready.session) > 10


async def test_end_settles_what_is_open() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.recognizer.gate.clear()
        await peer.say(LOUD)
        await peer.send(native.EndMessage())
        assert (await peer.until(native.SpeechStoppedMessage)).reason == "end"
        stage.recognizer.gate.set()
        assert (await peer.until(native.FinalMessage)).text == "hello there"
        assert await peer.closed() == 1000
    assert peer.of(native.ReplyDoneMessage)[0].reason is ReplyReason.COMPLETED


async def test_a_client_that_says_nothing_is_let_go() -> None:
    async with staged(idle_timeout_ms=200) as stage, joined(stage.url) as peer:
        assert await peer.error() == "idle_timeout"
        assert await peer.closed() == 1008


async def test_a_client_that_only_errs_is_let_go() -> None:
    async with staged(max_errors=3) as stage, joined(stage.url) as peer:
        await peer.send(*["nonsense"] * 4)
        assert [await peer.error() for _ in range(5)] == ["malformed_message"] * 4 + ["too_many_errors"]
        assert await peer.closed() == 1008


async def test_a_client_that_does_not_read_is_let_go() -> None:
    async with staged(max_outbox_bytes=200_000) as stage, joined(stage.url, max_queue=1) as peer:
        stage.responder.pieces = [ENDLESS] * 1_000
        await peer.send(HELLO)
        await asyncio.wait_for(stage.responder.stopped.wait(), 20)
        assert await peer.closed() == 1013
        assert len(peer.of(native.ReplyDeltaMessage)) < 1_000


async def test_a_client_that_takes_too_long_to_read_is_let_go() -> None:
    async with (
        staged(send_timeout_ms=200, max_outbox_bytes=100_000_000) as stage,
        joined(stage.url, max_queue=1) as peer,
    ):
        stage.responder.pieces = [ENDLESS] * 500
        await peer.send(HELLO)
        await asyncio.wait_for(stage.responder.stopped.wait(), 20)
        await until(lambda: "writer" not in {task.get_name() for task in asyncio.all_tasks()})
        assert await peer.closed() == 1013
