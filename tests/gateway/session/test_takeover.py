"""Two gateways that share a real Redis: whoever the client comes back to goes on with its session."""

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from copy import copy
from socket import create_connection
from typing import Any

import msgspec
import pytest
from redis import Redis as Sync
from websockets.asyncio.client import connect

from tests.cluster.harness import redis_options
from tests.gateway.auth.test_authenticator import OPTIONS, bearer, token
from tests.gateway.fakes import LOUD, QUIET, Gate, Stage, staged
from tests.gateway.session.test_resume import HELLO, assert_typed_turn, back, cut, told
from tests.observing import PATIENCE_S, until
from tests.peer import Peer, joined
from tests.redis_server import RedisServer
from voicegw.cluster.redis.connect import OneServer, close
from voicegw.cluster.redis.connect import connect as connect_redis
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.packed_audio import pack
from voicegw.cluster.sessions.store import RedisStore
from voicegw.core import snapshot
from voicegw.core.profile import SessionProfile
from voicegw.core.session_store import StoredSession
from voicegw.dialects import native
from voicegw.dialects.port import Opening, Resume
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.session import connection
from voicegw.gateway.session.record import RecordState
from voicegw.gateway.session.session_factory import SessionRequest
from voicegw.gateway.session.write_ahead import ResumeOptions

PATIENT = ResumeOptions(store_patience_ms=60_000)


@asynccontextmanager
async def gateway(
    url: str, resume: ResumeOptions = PATIENT, gate: Gate | None = None, redis_timeout_ms: int = 10_000
) -> AsyncIterator[Stage]:
    client = connect_redis(redis_options(url, redis_timeout_ms))
    store = RedisStore(OneServer(client), Keys("test"), live_ms=60_000)
    try:
        async with staged(store=store, resume=resume, gate=gate) as stage:
            yield stage
    finally:
        await store.close()
        await close(client)


async def test_another_gateway_goes_on_in_mid_word(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await peer.say(LOUD)
        await peer.until(native.PartialMessage)
        cut(peer)
        async with back(second, peer) as again:
            ready = again.of(native.ReadyMessage)[-1]
            assert (ready.resumed, ready.epoch) == (True, 2)
            await again.say((LOUD + LOUD + 2 * QUIET)[2 * ready.next_sample :])
            final = await again.until(native.FinalMessage)
            assert (final.turn, len(again.of(native.SpeechStartedMessage))) == (1, 1)
            assert final.end_ms - final.start_ms > 1_000


async def test_what_was_used_without_an_event_is_saved_after_a_block(redis_url: str) -> None:
    limited = Gate(limits=LimitOptions(session_messages="15/hour"))
    async with (
        gateway(redis_url, gate=limited) as first,
        gateway(redis_url, gate=limited) as second,
        joined(first.url) as peer,
    ):
        await assert_typed_turn(first, peer)
        await peer.until(native.LatencyMessage)
        await peer.send(*[native.CancelMessage()] * 10)
        [host] = first.gateway.sessions
        await until(lambda: host._session.messages_taken == 11)
        await until(lambda: not host.outbox.unsaved.is_set())
        async with back(second, peer) as again:
            await again.send(*[native.CancelMessage()] * 6)
            assert await again.error() == "rate_limited"


async def test_a_reply_that_is_asked_for_again_is_charged_before_anybody_is_connected(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def silent(*_: object) -> AsyncGenerator[str, None]:
        asked.set()
        await asyncio.Event().wait()
        yield ""

    free, limited = (
        Gate(tokens=OPTIONS, limits=LimitOptions(user_model_tokens=rate)) for rate in (None, "10/hour")
    )
    async with gateway(redis_url, gate=free) as first, gateway(redis_url, gate=limited) as second:
        monkeypatch.setattr(first.responder, "respond", silent)
        async with joined(first.url, **bearer(token())) as peer:
            await peer.send(HELLO)
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
            [held] = first.gateway.sessions
            await held.log._commit()
            cut(peer)
        opening = Opening(SessionProfile(), resume=Resume(held.name, 1, 1))
        request = SessionRequest(native.NativeDialect(), opening, "alice")
        host, after = await second.gateway.sessions.open(request)
        assert after == 1
        await until(lambda: host._llm._task is not None and host._llm._task.done())
        assert second.responder.prompts == []


async def test_events_that_were_missed_come_from_the_store(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer, last_seq=1) as again:
            assert again.of(native.ReplyDoneMessage)[0].text == "Good day."
            await assert_typed_turn(second, again)
        assert [message.content for message in second.responder.prompts[-1][-3:]] == [
            *("hello", "Good day.", "hello")
        ]


async def test_what_a_session_may_use_does_not_start_anew(redis_url: str) -> None:
    limited = Gate(limits=LimitOptions(session_messages="5/hour"))
    async with (
        gateway(redis_url, gate=limited) as first,
        gateway(redis_url, gate=limited) as second,
        joined(first.url) as peer,
    ):
        await peer.send(*[native.CancelMessage()] * 3)
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as again:
            await again.send(*[native.CancelMessage()] * 2)
            assert await again.error() == "rate_limited"


async def test_a_takeover_does_not_forgive_audio_that_came_too_fast(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        [host] = first.gateway.sessions
        pace = host._session.pace
        pace._ahead_ms, pace._counted_at = 60_000, time.monotonic()
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as again:
            await again.say(LOUD)
            assert await again.error() == "audio_too_fast"


async def test_what_was_said_during_a_takeover_may_come_at_once(
    redis_url: str, redis_server: RedisServer
) -> None:
    async with gateway(redis_url) as second:
        async with gateway(redis_url) as first, joined(first.url) as peer:
            await assert_typed_turn(first, peer)
            cut(peer)
        [state] = redis_server.command("keys", "*:state").split()
        assert redis_server.command("pexpire", state, "40000").strip() == "1"  # as if it were 20 s later
        async with back(second, peer) as again:
            await again.say(QUIET * 36)
            await assert_typed_turn(second, again)
            [host] = second.gateway.sessions
            assert time.monotonic() - host.record.opened_at > 20


async def test_a_claim_that_only_a_client_wants_is_not_made(redis_url: str) -> None:
    async with gateway(redis_url) as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        session, seen = peer.of(native.ReadyMessage)[0].session, len(peer.messages)
        query = f"session={session}&epoch=100000000000000&last_seq={seen}"
        async with joined(stage.url, query, seen=list(peer.messages)) as again:
            ready = again.of(native.ReadyMessage)[-1]
            assert (ready.resumed, ready.epoch) == (True, 1)
            await assert_typed_turn(stage, again)


def spoilt_snapshot(stored: Any) -> bytes:
    """One that can be decoded, with audio that ends within a sample."""
    state = snapshot.decode(stored, RecordState)
    assert state is not None
    state.session.framer.rest = b"x"
    return snapshot.encode(state)


def _replace_snapshot(redis: Sync, state: str, snapshot: bytes) -> None:
    redis.hset(state, "snapshot", snapshot)
    redis.hdel(state, "change")


def _of_nothing(redis: Sync, state: str) -> None:
    _replace_snapshot(redis, state, b"nonsense")


def _nested_too_deeply(redis: Sync, state: str) -> None:
    _replace_snapshot(redis, state, b"\x92\x03" + b"\x91" * 100_000 + b"\xc0")


def _with_the_change_of_another(redis: Sync, state: str) -> None:
    redis.hset(state, "change", zlib.compressobj(zdict=b"another").flush())


def _that_can_be_decoded(redis: Sync, state: str) -> None:
    _replace_snapshot(redis, state, spoilt_snapshot(redis.hget(state, "snapshot")))


def _with_an_epoch_that_is_none(redis: Sync, state: str) -> None:
    redis.hset(state, "epoch", "x")


def _with_an_epoch_beyond_all_numbers(redis: Sync, state: str) -> None:
    redis.hset(state, "epoch", "9" * 19)


def _with_an_event_that_has_no_number(redis: Sync, state: str) -> None:
    redis.hset(state.replace(":state", ":events"), "x", "y")


def _without_its_audio(redis: Sync, state: str) -> None:
    redis.delete(state.replace(":state", ":audio"))


def _with_a_gap_in_its_audio(redis: Sync, state: str) -> None:
    redis.xadd(state.replace(":state", ":audio"), {"audio": b"\0" + bytes(320)}, id="99999999-1")


def _with_half_a_sample(redis: Sync, state: str) -> None:
    redis.xadd(state.replace(":state", ":audio"), {"audio": b"\0" + b"x"}, id="99999999-1")


def _with_audio_that_cannot_be_unpacked(redis: Sync, state: str) -> None:
    redis.xadd(state.replace(":state", ":audio"), {"audio": b"fLaC"}, id="99999999-1")


def _with_audio_before_its_beginning(redis: Sync, state: str) -> None:
    redis.delete(audio := state.replace(":state", ":audio"))
    redis.xadd(audio, {"audio": b"\0" + bytes(320)}, id="10-1")


def _with_too_much_audio(redis: Sync, state: str) -> None:
    redis.delete(audio := state.replace(":state", ":audio"))
    for piece in range(1, 62):
        redis.xadd(audio, {"audio": pack(bytes(30 * 32_000))}, id=f"{piece * 30 * 16_000}-1")


def _with_audio_of_another_kind(redis: Sync, state: str) -> None:
    redis.delete(audio := state.replace(":state", ":audio"))
    redis.hset(audio, "a", "b")


def _of_another_kind(redis: Sync, state: str) -> None:
    redis.set(state, "x")


SPOILT = (
    *(_of_nothing, _nested_too_deeply, _that_can_be_decoded, _with_the_change_of_another),
    *(_with_an_epoch_that_is_none, _with_an_epoch_beyond_all_numbers, _with_an_event_that_has_no_number),
    *(_without_its_audio, _with_a_gap_in_its_audio, _with_half_a_sample, _with_audio_that_cannot_be_unpacked),
    *(_with_audio_before_its_beginning, _with_too_much_audio, _with_audio_of_another_kind, _of_another_kind),
)


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.strip("_"))
async def test_a_record_that_is_spoilt_is_dropped_and_its_session_lost(
    redis_url: str, spoil: Callable[[Sync, str], None]
) -> None:
    async with gateway(redis_url) as first, joined(first.url) as peer:
        await peer.say(LOUD)
        await peer.until(native.PartialMessage)
        cut(peer)
    with Sync.from_url(redis_url) as redis:
        [state] = redis.scan_iter("*:state")
        spoil(redis, state.decode())
        async with gateway(redis_url) as second, back(second, peer, last_seq=0) as again:
            assert not again.of(native.ReadyMessage)[-1].resumed
            assert redis.hget(state, "snapshot") is None
            await assert_typed_turn(second, again)


@pytest.mark.parametrize(
    "spoil", [_with_an_epoch_that_is_none, _of_another_kind, _with_audio_of_another_kind]
)
async def test_a_record_that_is_spoilt_is_written_anew_by_who_has_the_session(
    redis_url: str, spoil: Callable[[Sync, str], None]
) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        with Sync.from_url(redis_url) as redis:
            [state] = redis.scan_iter("*:state")
            spoil(redis, state.decode())
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as again:
            assert again.of(native.ReadyMessage)[-1].resumed


async def test_a_reply_that_had_begun_has_failed(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        first.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
        cut(peer)
        async with back(second, peer) as again:
            assert await again.error() == "llm_interrupted"
            done = await again.until(native.ReplyDoneMessage)
            assert (done.text, done.reason) == ("Good", "failed")


async def test_the_client_may_go_back_and_forth(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as again:
            await assert_typed_turn(second, again)
            cut(again)
            async with back(first, again) as home:
                assert home.of(native.ReadyMessage)[-1].epoch == 3
                await assert_typed_turn(first, home)


async def test_a_session_is_as_old_as_it_was(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        [host] = first.gateway.sessions
        host.record.opened_at -= 1_000
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer):
            [again] = second.gateway.sessions
            assert 1_000 <= time.monotonic() - again.record.opened_at < 1_100


async def test_a_greeting_that_was_missed_is_no_greeting_at_the_next_gateway(redis_url: str) -> None:
    """It says where to go on, and is wrong by the time that another gateway repeats it."""
    async with (
        gateway(redis_url) as first,
        gateway(redis_url) as second,
        gateway(redis_url) as third,
        joined(first.url) as peer,
    ):
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as unseen:
            await unseen.say(LOUD)
            await unseen.until(native.PartialMessage)
            cut(unseen)
            async with back(third, peer) as again:
                [ready] = again.of(native.ReadyMessage)[1:]
                assert (ready.epoch, ready.next_sample) == (3, len(LOUD) // 2)


async def test_what_only_another_gateway_can_have_told_is_a_reason_to_claim(redis_url: str) -> None:
    """A client that was cut off before the other's greeting knows its events, but not its epoch."""
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as other:
            await assert_typed_turn(second, other)
            cut(other)
        ready, seen = peer.of(native.ReadyMessage)[0], len(other.messages)
        query = f"session={ready.session}&epoch={ready.epoch}&last_seq={seen}"
        async with joined(first.url, query, seen=other.messages) as again:
            ready = again.of(native.ReadyMessage)[-1]
            assert (ready.resumed, ready.epoch) == (True, 3)


async def test_a_gateway_that_was_stopped_is_fenced_off(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        async with back(second, peer) as again:
            await peer.send(HELLO)  # the first gateway still listens to this one
            assert await peer.closed() == 1012
            await assert_typed_turn(second, again)
        assert len(second.responder.prompts) == 1
        await until(lambda: first.value("sessions") == 0)
        assert first.value("session_ends_total", reason="session_moved") == 1


async def test_two_that_come_back_at_once_have_one_session(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        cut(peer)
        async with back(second, peer) as one, back(second, peer) as other:
            assert await one.closed() == 4001
            await assert_typed_turn(second, other)
        assert second.value("resumes_total", outcome="resumed") == 2


async def test_who_has_given_up_before_it_was_answered_takes_no_session(redis_url: str) -> None:
    """As a gateway that was stopped finds it when it goes on: a request, and behind it the end."""
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        session = peer.of(native.ReadyMessage)[0].session
        with create_connection(("127.0.0.1", second.port)) as impatient:
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
            host = f"Host: 127.0.0.1:{second.port}\r\nUpgrade: websocket\r\nConnection: Upgrade"
            target = f"/v1/stream?session={session}&epoch=1&last_seq=2"
            impatient.sendall(f"GET {target} HTTP/1.1\r\n{host}\r\n{key}\r\n\r\n".encode())
        async with joined(second.url):  # who comes later has been served
            await assert_typed_turn(first, peer)
        assert second.value("resumes_total", outcome="resumed") == 0


async def test_draining_moves_the_client_at_once(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await peer.say(LOUD)
        await peer.until(native.PartialMessage)
        draining = asyncio.create_task(first.gateway.drain())
        assert (await peer.until(native.GoingAwayMessage)).retry_after_ms == 0
        assert await peer.closed() == 1012
        await draining
        async with back(second, peer) as again:
            ready = again.of(native.ReadyMessage)[-1]
            await again.say((LOUD + 2 * QUIET)[2 * ready.next_sample :])
            assert (await again.until(native.FinalMessage)).text == "hello there"


async def test_a_session_that_is_over_is_forgotten(redis_url: str, redis_server: RedisServer) -> None:
    async with gateway(redis_url) as stage:
        async with joined(stage.url) as peer:
            await assert_typed_turn(stage, peer)
            await peer.send(native.EndMessage())
            assert await peer.closed() == 1000
        await until(lambda: stage.value("sessions") == 0)
        async with back(stage, peer, last_seq=0) as again:
            assert not again.of(native.ReadyMessage)[-1].resumed
        assert len(redis_server.command("keys", "*:events").split()) == 1


async def test_another_users_session_does_not_exist(redis_url: str) -> None:
    async with gateway(redis_url) as first, gateway(redis_url) as second, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        cut(peer)
        name = peer.of(native.ReadyMessage)[0].session
        opening = Opening(SessionProfile(), resume=Resume(name, 1, len(peer.messages)))
        request = SessionRequest(native.NativeDialect(), opening, "mallory")
        assert (await second.gateway.sessions.open(request))[1] is None
        async with back(second, peer) as again:
            assert again.of(native.ReadyMessage)[-1].resumed


@pytest.mark.parametrize("how", ["pause", "restart"])
async def test_events_wait_for_redis_and_none_is_lost(
    redis_url: str, redis_server: RedisServer, how: str
) -> None:
    async with gateway(redis_url, redis_timeout_ms=300) as stage, joined(stage.url) as peer:
        await assert_typed_turn(stage, peer)
        if how == "pause":
            redis_server.pause()
            await peer.send(HELLO)
            await asyncio.sleep(0.5)
            redis_server.resume()
        else:
            redis_server.kill()
            await peer.send(HELLO)
            await asyncio.sleep(0.2)
            redis_server.start()
        await peer.until(native.ReplyDoneMessage)
        cut(peer)
        async with gateway(redis_url) as second, back(second, peer) as again:
            assert again.of(native.ReadyMessage)[-1].resumed
            await assert_typed_turn(second, again)


async def test_a_session_that_ends_without_redis_still_tells_all(
    redis_url: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_FLUSH_S", 0.1)
    async with gateway(redis_url, redis_timeout_ms=300) as stage, joined(stage.url) as peer:
        await peer.say(LOUD)
        await peer.until(native.PartialMessage)
        redis_server.pause()
        await peer.send(native.EndMessage())
        await asyncio.sleep(0.5)  # longer than a client that reads is given to read
        redis_server.resume()
        assert await peer.closed() == 1000
        assert peer.of(native.AckedMessage)[-1].samples == len(LOUD) // 2
        assert peer.of(native.FinalMessage)


async def test_without_redis_for_long_the_session_goes_on_unsaved_and_says_so(
    redis_url: str, redis_server: RedisServer
) -> None:
    async with gateway(redis_url, ResumeOptions(store_patience_ms=1_000)) as stage, joined(stage.url) as peer:
        redis_server.command("config", "set", "maxmemory", "1")
        await peer.send(HELLO)
        await told(peer, native.ReplyStartedMessage)
        assert await peer.error() == "store_unavailable"
        redis_server.command("config", "set", "maxmemory", "0")
        await assert_typed_turn(stage, peer)


async def test_what_was_told_unsaved_is_there_for_a_later_takeover(
    redis_url: str, redis_server: RedisServer
) -> None:
    impatient = ResumeOptions(store_patience_ms=1_000)
    async with gateway(redis_url, impatient) as first, joined(first.url) as peer:
        await assert_typed_turn(first, peer)
        await peer.until(native.LatencyMessage)
        seen = len(peer.messages)
        redis_server.command("config", "set", "maxmemory", "1")
        await peer.send(HELLO)
        assert await peer.error() == "store_unavailable"
        redis_server.command("config", "set", "maxmemory", "0")
        [host] = first.gateway.sessions
        await until(lambda: not host.outbox.degraded)
        await assert_typed_turn(first, peer)
        cut(peer)
        query = f"session={host.name}&epoch=1&last_seq={seen}"
        async with gateway(redis_url) as second, connect(f"{second.url}?{query}", proxy=None) as socket:
            again = Peer(socket, peer.messages[:seen])
            assert await again.error() == "store_unavailable"
            assert (await again.until(native.ReadyMessage)).resumed
            assert again.of(native.ReplyDoneMessage) == peer.of(native.ReplyDoneMessage)


ODD: tuple[Any, ...] = (None, -1, 2**62, float("nan"), "x", b"x", [])


def spoilt(part: Any) -> Iterator[Any]:
    """What has been decoded, with one of the values in it replaced by an odd one, for each of them."""
    if isinstance(part, list | dict) and part:
        for place in part if isinstance(part, dict) else range(len(part)):
            for other in spoilt(part[place]):
                changed = copy(part)
                changed[place] = other
                yield changed
    yield from ODD


async def test_whichever_value_is_spoilt_a_session_is_restored_or_not_and_nothing_raised() -> None:
    async with staged() as stage, joined(stage.url, "rate=8000") as peer:
        await peer.say(LOUD)
        await peer.until(native.PartialMessage)
        await assert_typed_turn(stage, peer)
        [host] = stage.gateway.sessions
        step, _ = host.log._next_commit()
        whole = msgspec.msgpack.decode(step.snapshot)
        taken = [
            stage.gateway.sessions._factory.restore(
                *("s", SessionRequest(native.NativeDialect(), Opening(SessionProfile()), "")),
                StoredSession(1, msgspec.msgpack.encode(each), step.events, step.audio, step.audio_start),
                host.seat,
            )
            for each in (whole, *spoilt(whole))
        ]
    assert taken[0] is not None
    assert None in taken
    assert len(taken) > 500
