"""A client that was cut off comes back for its session; every port is scripted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway.auth.test_authenticator import OPTIONS, bearer, token
from tests.gateway.fakes import LOUD, QUIET, Gate, Stage, staged
from tests.observing import until
from tests.peer import Kind, Peer, joined
from voicegw.dialects import native
from voicegw.gateway.limits.rate_limits import LimitOptions, Resource
from voicegw.gateway.session.write_ahead import ResumeOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

HELLO = native.TextMessage(text="hello")


def cut(peer: Peer) -> None:
    """The connection is gone, and nobody has said so."""
    peer.socket.transport.abort()


async def cut_within_a_reply(stage: Stage, peer: Peer) -> None:
    """The connection is gone after the first piece of a reply, whose rest is written then."""
    stage.responder.gate.clear()
    await peer.send(HELLO)
    await peer.until(native.ReplyDeltaMessage)
    cut(peer)
    await until(lambda: stage.value("sessions_detached") == 1)
    stage.responder.gate.set()


@asynccontextmanager
async def back(stage: Stage, peer: Peer, last_seq: int | None = None) -> AsyncIterator[Peer]:
    """The same client, on a new connection; `messages` go on behind those it had seen."""
    ready = peer.of(native.ReadyMessage)[-1]
    seen = len(peer.messages) if last_seq is None else last_seq
    query = f"session={ready.session}&epoch={ready.epoch}&last_seq={seen}"
    async with joined(stage.url, query, seen=peer.messages[:seen]) as again:
        yield again


async def told(peer: Peer, kind: type[Kind]) -> Kind:
    """The first message of this kind, which may have come before the greeting."""
    return peer.of(kind)[0] if peer.of(kind) else await peer.until(kind)


def session_of(peer: Peer) -> str:
    return peer.of(native.ReadyMessage)[0].session


async def assert_typed_turn(stage: Stage, peer: Peer) -> None:
    stage.responder.gate.set()
    await peer.send(HELLO)
    assert (await peer.until(native.ReplyDoneMessage)).text == "Good day."


async def test_gets_what_it_missed_and_then_where_to_go_on() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await cut_within_a_reply(stage, peer)
        async with back(stage, peer) as again:
            ready = again.of(native.ReadyMessage)[-1]
            assert (ready.resumed, ready.epoch, ready.next_message) == (True, 1, 1)
            assert (await told(again, native.ReplyDoneMessage)).text == "Good day."


async def test_gets_more_than_may_wait_for_a_client_that_is_connected() -> None:
    async with staged(max_outbox_bytes=10_000) as stage, joined(stage.url) as peer:
        stage.responder.pieces = ["So.", *["x" * 1_000] * 7]
        await cut_within_a_reply(stage, peer)
        [runner] = stage.gateway.sessions
        await until(lambda: runner.journal.overloaded)
        async with back(stage, peer) as again:
            await again.say(LOUD)
            assert len((await told(again, native.ReplyDoneMessage)).text) == 3 + 7_000


async def test_what_is_written_while_the_client_is_away_counts_once_the_session_is_over() -> None:
    limits = LimitOptions(user_model_tokens="1000/hour")
    async with staged(gate=Gate(tokens=OPTIONS, limits=limits)) as stage:
        stage.responder.pieces = ["So.", "x" * 4_000]
        stage.responder.gate.clear()
        async with joined(stage.url, **bearer(token())) as peer:
            await peer.send(HELLO)
            await peer.until(native.ReplyDeltaMessage)
            cut(peer)
            await until(lambda: stage.value("sessions_detached") == 1)
        counters = stage.gateway._access.limits
        stage.responder.gate.set()
        [host] = stage.gateway.sessions
        await until(lambda: host._llm._task is not None and host._llm._task.done())
        assert await counters.used_up(Resource.MODEL_TOKENS, "alice", "") == 0
        host.finish(None)
        await until(lambda: not len(stage.gateway.sessions))
        assert await counters.used_up(Resource.MODEL_TOKENS, "alice", "") > 0


async def test_goes_on_in_mid_word() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.say(LOUD)
        await peer.until(native.PartialMessage)
        cut(peer)
        async with back(stage, peer) as again:
            assert again.of(native.ReadyMessage)[-1].next_sample == len(LOUD) // 2
            await again.say(LOUD + 2 * QUIET)
            final = await again.until(native.FinalMessage)
        assert len(again.of(native.SpeechStartedMessage)) == 1
        assert final.end_ms - final.start_ms > 1_000


async def test_a_final_that_settles_meanwhile_is_waiting() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.recognizer.gate.clear()
        await peer.say(LOUD)
        await peer.send(native.EndMessage())
        await peer.until(native.SpeechStoppedMessage)
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == 1)
        stage.recognizer.gate.set()
        async with back(stage, peer) as again:
            assert await again.closed() == 1000
        assert again.of(native.FinalMessage)[0].text == "hello there"
        assert again.of(native.ReplyDoneMessage)
    await until(lambda: stage.value("sessions") == 0)


async def test_a_connection_takes_the_session_from_an_older_one() -> None:
    async with staged() as stage, joined(stage.url) as peer, back(stage, peer) as again:
        assert await peer.closed() == 4001
        await assert_typed_turn(stage, again)
        assert stage.value("sessions") == 1


async def test_events_may_be_asked_for_again() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        cut(peer)
        async with back(stage, peer, last_seq=1) as again:
            assert again.of(native.ReplyDoneMessage) == peer.of(native.ReplyDoneMessage)
            assert len(again.of(native.ReadyMessage)) == 2


async def test_what_is_acknowledged_cannot_be_asked_for_again() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        await peer.send(native.AckMessage(seq=3))
        await until(lambda: stage.value("sessions") == 1)
        await assert_typed_turn(stage, peer)
        cut(peer)
        async with joined(stage.url, f"session={peer.messages[0].session}&epoch=1&last_seq=1") as again:  # type: ignore[union-attr]
            assert not again.of(native.ReadyMessage)[0].resumed
        await until(lambda: stage.value("sessions") == 0)


async def test_an_unknown_session_is_told_so_and_gets_a_new_one() -> None:
    async with staged() as stage, joined(stage.url, "session=nobody&epoch=1&last_seq=5") as peer:
        assert not peer.of(native.ReadyMessage)[0].resumed
        await assert_typed_turn(stage, peer)
        assert stage.value("resumes_total", outcome="lost") == 1


async def test_a_session_is_resumed_by_its_user_only() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, **bearer(token())) as peer:
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == 1)
        query = f"session={peer.of(native.ReadyMessage)[0].session}&epoch=1&last_seq=1"
        async with joined(stage.url, query, **bearer(token(sub="bob"))) as stranger:
            assert not stranger.of(native.ReadyMessage)[0].resumed
        async with joined(stage.url, query, seen=peer.messages, **bearer(token())) as again:
            assert again.of(native.ReadyMessage)[-1].resumed


async def test_its_audio_is_measured_as_what_it_is_whatever_the_url_says() -> None:
    gate = Gate(limits=LimitOptions(session_audio_seconds="2/hour"))
    async with staged(gate=gate) as stage, joined(stage.url, "rate=8000&format=mulaw") as peer:
        query = f"session={session_of(peer)}&epoch=1&last_seq=1&rate=48000&format=pcm_s16le"
        async with joined(stage.url, query, seen=peer.messages) as again:
            await again.say(b"\xff" * 3 * 8_000)
            assert await again.error() == "rate_limited"


async def test_what_it_may_use_does_not_start_anew() -> None:
    gate = Gate(limits=LimitOptions(session_messages="5/hour"))
    async with staged(gate=gate) as stage, joined(stage.url) as peer:
        await peer.send(*[native.CancelMessage()] * 3)
        await assert_typed_turn(stage, peer)
        cut(peer)
        async with back(stage, peer) as again:
            await again.send(*[native.CancelMessage()] * 2)
            assert await again.error() == "rate_limited"


@pytest.mark.parametrize("scope", ["rate:8000", "format:mulaw", "reply:none"])
async def test_a_token_that_would_not_open_a_session_does_not_resume_it(scope: str) -> None:
    narrow = bearer(token(scope=scope))
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, **bearer(token())) as peer:
        query = f"session={session_of(peer)}&epoch=1&last_seq=1&rate=8000&format=mulaw&reply=none"
        async with connect(f"{stage.url}?{query}", proxy=None, **narrow) as socket:
            with pytest.raises(ConnectionClosed, match=r"1008.*scope_missing"):
                await socket.recv()
        await assert_typed_turn(stage, peer)


async def test_a_token_has_to_allow_what_replies_are_configured_to_be() -> None:
    narrow = bearer(token(scope="reply:none"))
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, **bearer(token())) as peer:
        await peer.send(native.ConfigureMessage(reply=False))
        await assert_typed_turn(stage, peer)
        query = f"session={session_of(peer)}&epoch=1&last_seq={len(peer.messages)}&reply=none"
        async with joined(stage.url, query, seen=peer.messages, **narrow) as again:
            assert again.of(native.ReadyMessage)[-1].resumed


async def test_a_reply_that_goes_on_does_not_keep_the_session_for_longer() -> None:
    async with staged(resume=ResumeOptions(window_ms=1_000)) as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == 1)
        [host] = stage.gateway.sessions
        parked_at = host.record.alive_at
        stage.responder.gate.set()
        await asyncio.wait_for(stage.responder.stopped.wait(), 5)
        assert host.record.alive_at == parked_at
        await until(lambda: stage.value("sessions") == 0)


async def test_nobody_waits_for_a_client_longer_than_the_window() -> None:
    async with staged(resume=ResumeOptions(window_ms=50)) as stage, joined(stage.url) as peer:
        cut(peer)
        await until(lambda: stage.value("sessions") == 0)
        async with joined(stage.url, f"session={peer.messages[0].session}") as again:  # type: ignore[union-attr]
            assert not again.of(native.ReadyMessage)[0].resumed


async def test_only_so_many_sessions_wait() -> None:
    one = ResumeOptions(max_parked=1)
    async with staged(resume=one) as stage, joined(stage.url) as first, joined(stage.url) as second:
        cut(first)
        await until(lambda: stage.value("sessions_detached") == 1)
        cut(second)
        await until(lambda: stage.value("sessions") == 1)
        async with back(stage, second) as again:
            assert again.of(native.ReadyMessage)[-1].resumed


async def test_a_client_that_hangs_up_is_not_waited_for() -> None:
    async with staged() as stage:
        async with joined(stage.url):
            pass
        await until(lambda: stage.value("sessions") == 0)


async def test_waiting_sessions_count_as_sessions() -> None:
    async with staged(max_sessions=1) as stage, joined(stage.url) as peer:
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == 1)
        async with back(stage, peer) as again:
            await assert_typed_turn(stage, again)


async def test_what_was_said_meanwhile_may_come_at_once() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.say(LOUD)
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == 1)
        [host] = stage.gateway.sessions
        pace = host._session.pace
        pace.restore(pace.ahead_ms(time.monotonic()) - 60_000, time.monotonic())
        async with back(stage, peer) as again:
            await again.say(QUIET * 100)
            await again.until(native.FinalMessage)
            await assert_typed_turn(stage, again)


async def test_who_comes_back_has_used_its_burst() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        cut(peer)
        await until(lambda: stage.value("sessions_detached") == 1)
        [host] = stage.gateway.sessions
        pace = host._session.pace
        pace._burst_ms = 60_000  # so long that the time this test takes makes no difference
        pace._ahead_ms, pace._counted_at = 59_900, time.monotonic()
        async with back(stage, peer) as again:
            await again.say(QUIET * 60)
            assert await again.error() == "audio_too_fast"


async def test_an_epoch_that_a_client_made_up_changes_nothing() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        query = f"session={session_of(peer)}&epoch=100000000000000&last_seq={len(peer.messages)}"
        async with joined(stage.url, query, seen=list(peer.messages)) as again:
            ready = again.of(native.ReadyMessage)[-1]
            assert (ready.resumed, ready.epoch) == (True, 1)
            await assert_typed_turn(stage, again)


async def test_a_client_that_does_not_read_may_come_back_for_the_rest() -> None:
    async with staged(send_timeout_ms=200) as stage, joined(stage.url, max_queue=1) as peer:
        stage.responder.pieces = ["x" * 4_000] * 225
        await peer.send(HELLO)
        await until(lambda: stage.value("sessions_detached") == 1)
        seen = await peer.closed() and len(peer.messages)
        async with back(stage, peer) as again:
            await told(again, native.ReplyDoneMessage)
            assert seen < len(again.messages)
            assert len(again.of(native.ReplyDeltaMessage)) == 225
    await asyncio.sleep(0)


async def test_nobody_pushes_out_the_sessions_of_others() -> None:
    gate = Gate(tokens=OPTIONS)
    async with staged(gate=gate, resume=ResumeOptions(max_parked=2)) as stage, AsyncExitStack() as stack:
        for user in ("alice", "bob", "bob"):
            cut(await stack.enter_async_context(joined(stage.url, **bearer(token(sub=user)))))
            await until(lambda: not any(not host.detached for host in stage.gateway.sessions))
        await until(lambda: stage.value("sessions") == 2)
        assert sorted(host.user for host in stage.gateway.sessions) == ["alice", "bob"]


async def test_a_client_that_comes_back_is_not_one_too_many() -> None:
    gate = Gate(tokens=OPTIONS, limits=LimitOptions(user_open=1))
    async with staged(gate=gate) as stage, joined(stage.url, **bearer(token())) as peer:
        query = f"session={peer.of(native.ReadyMessage)[0].session}&epoch=1&last_seq=1"
        async with joined(stage.url, query, seen=peer.messages, **bearer(token())) as again:
            assert again.of(native.ReadyMessage)[-1].resumed
            with pytest.raises(InvalidStatus, match="429"):
                async with joined(stage.url, **bearer(token())):
                    pass
