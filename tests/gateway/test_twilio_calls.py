"""Telephone calls through a real gateway: who it is and what it wants a client says after the upgrade."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import Gate, ScriptedVoice, Stage, staged
from tests.gateway.phone import LOUD, QUIET, SPOKEN, Phone, dialled
from tests.gateway.session.test_write_ahead import ScriptedStore
from tests.observing import PATIENCE_S, until
from tests.peer import joined
from voicegw.dialects import native, twilio
from voicegw.dialects.port import Dialect
from voicegw.dialects.twilio.signature import signature
from voicegw.errors import StoreUnavailable
from voicegw.gateway.auth.access import AccessOptions
from voicegw.gateway.http.limited_connection import HandshakeOptions
from voicegw.gateway.limits.rate_limits import LimitOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

LONG = "One two three four five six seven eight nine ten."
SECOND = 8_000  # bytes


def served(options: twilio.TwilioOptions | None = None) -> tuple[Dialect, ...]:
    return native.NativeDialect(), twilio.TwilioDialect(options or twilio.TwilioOptions())


@asynccontextmanager
async def exchange(
    options: twilio.TwilioOptions | None = None, *, voice_s: float = 0.2, **staging: Any
) -> AsyncIterator[Stage]:
    """A gateway that takes calls, and native clients."""
    voice = ScriptedVoice(seconds=voice_s)
    async with staged(voice=voice, dialects=served(options), **staging) as stage:
        yield stage


def line(stage: Stage) -> str:
    """Where calls go."""
    return stage.url.replace(native.PATH, twilio.PATH)


@asynccontextmanager
async def call(stage: Stage, **parameters: str) -> AsyncIterator[Phone]:
    async with dialled(line(stage)) as phone:
        await phone.start(**parameters)
        yield phone


async def answered(stage: Stage, phone: Phone) -> None:
    """Asks something, and hears all of the reply."""
    await phone.press("1#")
    await phone.play(200)
    assert stage.responder.prompts[-1][-1].content == "1"


async def refused(stage: Stage, **parameters: str) -> tuple[int, str]:
    """Close code and reason of a call that is not let in."""
    async with call(stage, **parameters) as phone:
        return await phone.closed()


# --- conversations ----------------------------------------------------------------------------------------


async def test_a_caller_is_answered_aloud() -> None:
    async with exchange() as stage, call(stage) as phone:
        stage.recognizer.text = "is it raining"
        await phone.say(SPOKEN)
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "is it raining"
        assert len(phone.played) == SECOND // 5
        assert set(phone.played) != {0xFF}
        await answered(stage, phone)
        assert stage.responder.prompts[-1][-2].content == "Good day."  # nothing of it was cut


async def test_who_speaks_over_a_reply_stops_it_and_history_holds_what_was_heard() -> None:
    async with exchange(voice_s=10) as stage, call(stage) as phone:
        stage.responder.pieces = [LONG]
        await phone.say(SPOKEN)
        await phone.play(3_500)  # faster than it is spoken: only marks can tell the server
        stage.recognizer.text = "no wait stop that"
        await phone.say(LOUD)
        await phone.cleared()
        stage.responder.pieces = ["Good day."]
        await phone.say(2 * QUIET)
        await until(lambda: len(stage.responder.prompts) == 2)
        heard = stage.responder.prompts[-1][-2].content
    assert heard.endswith(" [cut off]")
    assert heard.startswith("One two three")
    assert "five six" not in heard


async def test_a_cough_over_a_reply_pauses_it_and_all_of_it_is_heard() -> None:
    async with exchange(voice_s=3) as stage, call(stage) as phone:
        await phone.say(SPOKEN)
        await phone.play(1_000)
        stage.recognizer.text = ""
        await phone.say(LOUD)
        await phone.cleared()
        assert stage.value("reply_audio_dropped_seconds_total") == 0
        await phone.say(2 * QUIET)
        await phone.play(2_000)
        await phone.say(4 * QUIET)  # the reply is over when it was heard
        await answered(stage, phone)
        replies = [each.content for each in stage.responder.prompts[-1] if each.role == "assistant"]
    assert replies == ["Good day."]


async def test_marks_that_are_echoed_because_of_a_clear_were_not_heard() -> None:
    async with exchange(voice_s=10) as stage, call(stage) as phone:
        stage.responder.pieces = [LONG]
        await phone.say(SPOKEN)
        await phone.play(100)
        await phone.press("1#")  # interrupts it, too
        await phone.cleared()
        stage.responder.pieces = ["Good day."]
        await phone.press("2#")
        await until(lambda: stage.responder.prompts[-1][-1].content == "2")
        replies = [each.content for each in stage.responder.prompts[-1] if each.role == "assistant"]
    assert LONG not in replies
    assert "three" not in "".join(replies)


async def test_keys_are_a_message() -> None:
    async with exchange() as stage, call(stage) as phone:
        await phone.press("42#")
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "42"
        await phone.press("7")
        await phone.say(4 * QUIET)
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "7"


async def test_a_call_ends_with_stop() -> None:
    async with exchange() as stage, call(stage) as phone:
        await answered(stage, phone)
        await phone.send("stop", stop={"callSid": "CA1"})
        assert await phone.closed() == (1000, "")
        await until(lambda: stage.value("sessions") == 0)


async def test_a_caller_who_hangs_up_is_not_talked_to_any_longer() -> None:
    async with exchange(voice_s=60) as stage, call(stage) as phone:
        stage.responder.pieces = [LONG]
        await phone.say(SPOKEN)
        await phone.play(100)
        await phone.send("stop", stop={"callSid": "CA1"})
        assert await phone.closed() == (1000, "")


async def test_a_caller_who_hangs_up_in_a_sentence_is_not_answered() -> None:
    async with exchange() as stage, call(stage) as phone:
        await phone.say(LOUD)
        await until(lambda: stage.recognizer.jobs)
        await phone.send("stop", stop={"callSid": "CA1"})
        assert await phone.closed() == (1000, "")
        assert stage.responder.prompts == []


async def test_a_connection_that_is_lost_ends_the_session() -> None:
    async with exchange() as stage, call(stage) as phone:
        await answered(stage, phone)
        assert stage.value("sessions") == 1
        phone.socket.transport.abort()
        await until(lambda: stage.value("sessions") == 0)


async def test_a_call_is_not_saved_for_another_gateway() -> None:
    store = ScriptedStore()
    store.gate.set()
    async with exchange(store=store) as stage:
        async with call(stage) as phone:
            await answered(stage, phone)
        assert store.steps == []
        async with joined(stage.url):  # which may come back
            await until(lambda: store.steps)


async def test_a_server_that_stops_ends_a_quiet_call() -> None:
    async with exchange() as stage, call(stage) as phone:
        await answered(stage, phone)
        draining = asyncio.create_task(stage.gateway.drain())
        assert await phone.closed() == (1012, "draining")
        await draining


async def test_a_server_that_stops_refuses_who_starts_then() -> None:
    async with exchange() as stage, call(stage) as phone, dialled(line(stage)) as late:
        await answered(stage, phone)
        await phone.say(LOUD)  # an open turn
        await until(lambda: stage.recognizer.jobs)
        draining = asyncio.create_task(stage.gateway.drain())
        await asyncio.sleep(0)
        await late.start()
        assert await late.closed() == (1012, "draining")
        await phone.send("stop")
        await draining


async def test_a_server_does_not_wait_for_who_has_not_started() -> None:
    gate = Gate(handshake=HandshakeOptions(timeout_ms=60_000))
    async with exchange(gate=gate) as stage, dialled(line(stage)) as phone:
        async with asyncio.timeout(PATIENCE_S):
            await stage.gateway.stop()
        await phone.closed()


# --- what is wrong ----------------------------------------------------------------------------------------


async def test_messages_that_are_wrong_cost_their_sender() -> None:
    async with exchange(max_errors=3) as stage, call(stage) as other, call(stage) as phone:
        for frame in ("hello", b"\xff\xff", '{"event": "media", "media": {"payload": "%"}}'):
            await phone.socket.send(frame)
        await answered(stage, phone)
        await phone.socket.send("hello")
        assert await phone.closed() == (1008, "too_many_errors")
        await answered(stage, other)


async def test_a_message_that_is_too_big_ends_the_call() -> None:
    async with exchange() as stage, call(stage) as other, call(stage) as phone:
        await phone.send("media", media={"payload": "A" * twilio.MAX_MESSAGE_BYTES})
        assert await phone.closed() == (1009, "message_too_big")
        await answered(stage, other)


async def test_a_second_start_changes_nothing() -> None:
    async with exchange() as stage, call(stage) as phone:
        await phone.start(token="another")
        await answered(stage, phone)
        assert stage.value("faults_total", code="invalid_state") == 1


def start(**content: Any) -> str:
    return json.dumps({"event": "start", "start": content})


# --- who gets in ------------------------------------------------------------------------------------------


async def test_who_does_not_start_loses_the_place() -> None:
    gate = Gate(handshake=HandshakeOptions(timeout_ms=400, max_pending=1))
    async with exchange(gate=gate) as stage:
        async with dialled(line(stage)) as phone:
            await phone.send("connected")
            with pytest.raises((InvalidHandshake, OSError, EOFError)):
                async with dialled(line(stage)):
                    pass
            assert await phone.closed() == (1008, "idle_timeout")
        assert stage.value("refused_total", code="idle_timeout") == 1
        async with call(stage) as phone:
            await answered(stage, phone)


async def test_who_does_not_start_behind_a_proxy_takes_no_place_of_others() -> None:
    handshake = HandshakeOptions(max_pending_per_address=1)
    gate = Gate(handshake=handshake, tokens=OPTIONS, access=AccessOptions(behind_proxy=True))

    def through(client: str) -> Any:
        return connect(line(stage), proxy=None, additional_headers={"X-Forwarded-For": client})

    async with exchange(gate=gate) as stage, through("2001:db8::1"):
        with pytest.raises(InvalidStatus) as refused:
            await through("2001:db8::2")
        assert refused.value.response.status_code == 429
        async with through("203.0.113.7"):
            pass


async def test_who_starts_is_not_pending_any_longer() -> None:
    gate = Gate(handshake=HandshakeOptions(max_pending=1))
    async with exchange(gate=gate) as stage, call(stage) as first:
        await answered(stage, first)
        async with call(stage) as second:
            await answered(stage, second)


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("hello", (1008, "malformed_message")),
        (b"\xff" * 160, (1008, "wrong_frame_kind")),
        ("x" * 100_000, (1009, "message_too_big")),
        (start(mediaFormat={"encoding": "opus"}), (1008, "unsupported_format")),
        (start(customParameters={"lang": "?"}), (1008, "invalid_parameter")),
    ],
)
async def test_what_is_wrong_before_the_start_ends_the_connection(
    frame: str | bytes, answer: tuple[int, str]
) -> None:
    async with exchange(max_sessions=1) as stage:
        async with dialled(line(stage)) as phone:
            await phone.socket.send(frame)
            assert await phone.closed() == answer
        assert stage.value("refused_total", code=answer[1]) == 1
        async with call(stage) as phone:  # the one place is free
            await answered(stage, phone)


async def test_a_flood_before_the_start_costs_its_sender() -> None:
    async with exchange() as stage, call(stage) as other:
        async with dialled(line(stage)) as phone:
            with suppress(ConnectionClosed):
                for _ in range(10_000):
                    await phone.send("media", media={"payload": "/w=="})
            assert await phone.closed() == (1008, "invalid_state")
        await answered(stage, other)


async def test_audio_right_behind_the_start_is_heard() -> None:
    """However long letting in takes, and it waits for others where there is a Redis."""
    replay_cache = SlowReplayCache()
    async with exchange(gate=Gate(tokens=OPTIONS, replay_cache=replay_cache)) as stage:
        async with call(stage, token=token(jti="1")) as phone:
            await phone.say(SPOKEN)
            replay_cache.gate.set()
            await phone.play(200)
        assert len(stage.responder.prompts) == 1


class SlowReplayCache:
    """Takes a token once the gate is open."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.gate = asyncio.Event()
        self.failure = failure

    async def consume(self, token: str, lives_s: float) -> bool:
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return True


async def test_letting_in_has_a_limit_too() -> None:
    gate = Gate(tokens=OPTIONS, replay_cache=SlowReplayCache(), handshake=HandshakeOptions(timeout_ms=300))
    async with exchange(gate=gate, max_sessions=1) as stage:
        assert await refused(stage, token=token(jti="1")) == (1008, "idle_timeout")
        async with call(stage, token=token()) as phone:
            await answered(stage, phone)


async def test_a_redis_that_is_away_is_a_reason_to_come_back() -> None:
    replay_cache = SlowReplayCache(StoreUnavailable())
    replay_cache.gate.set()
    async with exchange(gate=Gate(tokens=OPTIONS, replay_cache=replay_cache)) as stage:
        assert await refused(stage, token=token(jti="1")) == (1013, "store_unavailable")


async def test_a_token_comes_with_the_start_or_in_the_path() -> None:
    async with exchange(gate=Gate(tokens=OPTIONS)) as stage:
        async with call(stage, token=token()) as phone:
            await answered(stage, phone)
        async with dialled(f"{line(stage)}/{token()}") as phone:
            await phone.start()
            await answered(stage, phone)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "token_missing"),
        ({"token": "a.b.c"}, "token_invalid"),
        ({"token": token(key="x" * 32)}, "token_invalid"),
        ({"token": token(exp=1)}, "token_expired"),
        ({"token": token(scope="reply:text")}, "scope_missing"),
        ({"token": token(scope="format:pcm_s16le")}, "scope_missing"),
        ({"token": token(scope="rate:16000")}, "scope_missing"),
    ],
)
async def test_a_token_that_does_not_allow_the_call_costs_its_sender(
    parameters: dict[str, str], code: str
) -> None:
    async with exchange(gate=Gate(tokens=OPTIONS), max_sessions=1) as stage:
        assert await refused(stage, **parameters) == (1008, code)
        assert stage.value("refused_total", code=code) == 1
        assert not stage.value("sessions")
        async with call(stage, token=token(scope="reply:audio format:mulaw rate:8000")) as phone:
            await answered(stage, phone)


async def test_a_token_for_one_use_opens_one_call() -> None:
    once = token(jti="1")
    async with exchange(gate=Gate(tokens=OPTIONS)) as stage:
        async with call(stage, token=once) as phone:
            await answered(stage, phone)
        assert await refused(stage, token=once) == (1008, "token_used")


async def test_a_user_with_all_calls_open_keeps_nobody_else_out() -> None:
    gate = Gate(tokens=OPTIONS, limits=LimitOptions(user_open=1))
    async with exchange(gate=gate) as stage, call(stage, token=token()) as phone:
        await answered(stage, phone)
        assert await refused(stage, token=token()) == (1013, "too_many_connections")
        async with call(stage, token=token(sub="bob")) as other:
            await answered(stage, other)
        await answered(stage, phone)


async def test_connections_are_counted_before_it_is_known_whose_they_are() -> None:
    gate = Gate(limits=LimitOptions(address_connections="2/hour", exempt=()))
    async with exchange(gate=gate) as stage:
        for _ in range(2):
            async with dialled(line(stage)):
                pass
        with pytest.raises(InvalidStatus) as answer:
            await dialled(line(stage)).__aenter__()
        assert answer.value.response.status_code == 429


async def test_messages_over_a_limit_are_not_used() -> None:
    gate = Gate(limits=LimitOptions(session_messages="2/hour"))
    async with exchange(gate=gate) as stage, call(stage) as phone:
        for digit in "123":
            await phone.press(f"{digit}#")
        await until(lambda: stage.value("faults_total", code="rate_limited") == 1)
        await phone.say(SPOKEN)
        await until(lambda: stage.responder.prompts[-1][-1].content == "hello there")
        assert "3" not in [each.content for each in stage.responder.prompts[-1]]


async def test_a_full_server_says_so_before_the_upgrade_and_a_call_that_ends_makes_room() -> None:
    async with exchange(max_sessions=1) as stage:
        async with call(stage) as phone:
            await answered(stage, phone)
            with pytest.raises(InvalidStatus) as answer:
                await dialled(line(stage)).__aenter__()
            assert answer.value.response.status_code == 503
        await until(lambda: stage.value("sessions") == 0)
        async with call(stage) as phone:
            await answered(stage, phone)


async def test_of_many_who_start_at_once_one_gets_the_last_place() -> None:
    async with exchange(max_sessions=1) as stage, AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(dialled(line(stage))) for _ in range(5)]
        await asyncio.gather(*(phone.start() for phone in phones))
        ends = [asyncio.create_task(phone.closed()) for phone in phones]
        async with asyncio.timeout(PATIENCE_S):
            while sum(end.done() for end in ends) < 4:
                await asyncio.wait([end for end in ends if not end.done()], return_when="FIRST_COMPLETED")
        assert {end.result() for end in ends if end.done()} == {(1013, "at_capacity")}
        assert stage.value("sessions") == 1
        for end in ends:
            end.cancel()


async def test_without_a_voice_no_call_is_taken() -> None:
    async with staged(dialects=served()) as stage:
        assert await refused(stage) == (1008, "unsupported_reply")


@pytest.mark.parametrize("prefix", ["", "/voice"])
async def test_who_is_not_twilio_is_refused_before_the_upgrade(prefix: str) -> None:
    options = twilio.TwilioOptions("12345", None)
    async with exchange(options, path_prefix=prefix) as stage:
        url = line(stage)
        signed = {"X-Twilio-Signature": signature("12345", url.replace("ws:", "wss:"))}
        for headers in ({}, {"X-Twilio-Signature": signature("1234", url.replace("ws:", "wss:"))}):
            with pytest.raises(InvalidStatus) as answer:
                async with connect(url, proxy=None, additional_headers=headers):
                    pass
            assert answer.value.response.status_code == 403
            assert json.loads(answer.value.response.body or b"")["error"]["code"] == "signature_invalid"
        async with dialled(url, additional_headers=signed) as phone:
            await phone.start()
            await answered(stage, phone)
        async with joined(stage.url):  # native clients sign nothing
            pass
