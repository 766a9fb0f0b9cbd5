"""What one client does to its connection; every port is scripted."""

import asyncio
import time
from collections import Counter

import pytest
from websockets.frames import Frame, Opcode

from tests.gateway.auth.test_authenticator import OPTIONS, SECRET, bearer, token
from tests.gateway.fakes import (
    LOUD,
    QUIET,
    SPOKEN,
    Gate,
    LoudnessScorer,
    ScriptedRecognizer,
    ScriptedVoice,
    staged,
    windowed,
)
from tests.observing import until
from tests.peer import Peer, joined
from voicegw.core.audio import Pcm
from voicegw.core.events import ReplyReason
from voicegw.dialects import native
from voicegw.gateway.auth.authenticator import TokenOptions
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.services import Services
from voicegw.reply.offline.offline_responder import OfflineResponder
from voicegw.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("virtual_clock")

HELLO = native.TextMessage(text="hello")
ENDLESS = "x" * 4_000  # one piece of a reply that nobody reads


async def test_greets_with_what_a_client_may_send() -> None:
    async with staged(idle_timeout_ms=9_000) as stage, joined(stage.url) as peer:
        [ready] = peer.of(native.ReadyMessage)
    assert (ready.epoch, ready.resumed, ready.next_sample) == (1, False, 0)
    assert ready.limits.idle_timeout_ms == 9_000
    assert len(ready.session) > 10
    assert ready.development


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


async def test_a_client_that_says_nothing_is_told_so_first() -> None:
    async with staged(idle_timeout_ms=500) as stage, joined(stage.url) as peer:
        ending = await peer.until(native.EndingMessage)
        assert ending.code == "idle_timeout"
        assert 0 < ending.in_ms <= 100
        await peer.send(native.AckMessage(seq=1))
        assert (await peer.until(native.EndingMessage)).code == "idle_timeout"


async def test_no_session_lasts_for_ever() -> None:
    async with staged(max_session_ms=1_000) as stage, joined(stage.url) as peer:
        assert (await peer.until(native.EndingMessage)).code == "session_too_long"
        assert await peer.error() == "session_too_long"
        assert await peer.closed() == 1008


async def test_a_client_that_is_no_longer_there_is_given_up() -> None:
    async with staged(ping_interval_ms=50, ping_timeout_ms=100) as stage, joined(stage.url) as peer:
        peer.socket.transport.pause_reading()  # as if the cable had been cut
        await until(lambda: stage.value("sessions_detached") == 1)
        peer.socket.transport.abort()


async def test_a_client_that_answers_pings_is_not() -> None:
    async with staged(ping_interval_ms=50, ping_timeout_ms=5_000) as stage, joined(stage.url) as peer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await peer.receive()
        assert stage.value("sessions_detached") == 0


def mute_pongs(peer: Peer) -> None:
    """Has the client leave pings unanswered, as one that is too busy."""
    send = peer.socket.protocol.send_frame

    def send_others(frame: Frame) -> None:
        if frame.opcode is not Opcode.PONG:
            send(frame)

    peer.socket.protocol.send_frame = send_others  # type: ignore[method-assign]


async def test_a_client_that_leaves_pings_unanswered_is_given_up() -> None:
    async with staged(ping_interval_ms=50, ping_timeout_ms=100) as stage, joined(stage.url) as peer:
        mute_pongs(peer)
        assert await peer.closed() == 1011


async def test_a_client_that_falls_silent_again_before_it_answered_does_not_keep_the_connection_open() -> (
    None
):
    async with staged() as stage, joined(stage.url) as peer:
        mute_pongs(peer)
        for _ in range(2):
            await peer.say(LOUD)
            await asyncio.sleep(0.8)
        await peer.say(QUIET * 3)
        await peer.send(native.EndMessage())
        async with asyncio.timeout(5):
            assert await peer.closed() == 1000


async def test_any_frame_counts_as_an_answer_to_a_ping() -> None:
    async with staged(ping_interval_ms=50, ping_timeout_ms=500) as stage, joined(stage.url) as peer:
        mute_pongs(peer)
        for _ in range(30):
            await peer.send(bytes(640))
            await asyncio.sleep(0.03)
        assert stage.value("sessions_detached") == 0


async def test_empty_frames_are_refused_and_their_sender_let_go() -> None:
    async with staged(max_errors=3) as stage, joined(stage.url, "rate=8000&format=mulaw") as peer:
        await peer.send(*[b""] * 4)
        assert [await peer.error() for _ in range(5)] == ["odd_byte_count"] * 4 + ["too_many_errors"]
        assert await peer.closed() == 1008


async def test_messages_over_a_limit_are_dropped_and_their_sender_stays() -> None:
    gate = Gate(limits=LimitOptions(session_messages="2/hour"))
    async with staged(gate=gate) as stage, joined(stage.url) as peer:
        await peer.send(*[native.CancelMessage()] * 2, *[HELLO] * 3)
        error = await peer.until_error()
        assert error.code == "rate_limited"
        assert error.retryable
        assert 3_500_000 < (error.retry_after_ms or 0) <= 3_600_000
        await peer.say(SPOKEN)
        await peer.until(native.FinalMessage)
    assert len(stage.responder.prompts) == 1
    assert stage.value("faults_total", code="rate_limited") == 1


async def test_who_goes_on_regardless_is_disconnected() -> None:
    gate = Gate(limits=LimitOptions(session_messages="1/hour", patience_ms=0))
    async with staged(gate=gate) as stage, joined(stage.url) as peer:
        await peer.send(*[native.CancelMessage()] * 3)
        assert await peer.error() == "rate_limited"
        await peer.send(*[native.CancelMessage()] * 3)
        assert await peer.error() == "limit_ignored"
        assert await peer.closed() == 1008


async def test_audio_over_a_limit_is_heard_as_silence() -> None:
    gate = Gate(limits=LimitOptions(session_audio_seconds="1/hour"))
    async with staged(gate=gate) as stage, joined(stage.url) as peer:
        await peer.say(LOUD)
        await peer.until(native.SpeechStartedMessage)
        await peer.say(LOUD + LOUD)
        assert await peer.error() == "rate_limited"
        await peer.say(QUIET)
        await peer.until(native.FinalMessage)
        await peer.send(native.EndMessage())
        assert await peer.closed() == 1000
    assert peer.of(native.AckedMessage)[-1].samples == 4 * len(LOUD) // 2
    assert peer.of(native.SpeechStoppedMessage)[0].at_ms <= 1_020


async def test_a_turn_over_the_models_budget_is_not_answered() -> None:
    gate = Gate(limits=LimitOptions(session_model_tokens="10/hour"))
    async with staged(gate=gate) as stage, joined(stage.url) as peer:
        await peer.send(native.TextMessage(text="x" * 100))
        assert await peer.error() == "rate_limited"
        assert (await peer.until(native.ReplyDoneMessage)).reason is ReplyReason.FAILED
    assert not stage.responder.prompts


async def test_many_sessions_of_one_message_send_no_more_than_their_user_may() -> None:
    gate = Gate(tokens=OPTIONS, limits=LimitOptions(user_model_tokens="3000/hour"))
    async with staged(gate=gate) as stage:
        for allowed in (True, True, False, False):
            async with joined(stage.url, **bearer(token())) as peer:
                await peer.send(native.TextMessage(text="x" * 4_000))
                if not allowed:
                    assert await peer.error() == "rate_limited"
                await peer.until(native.ReplyDoneMessage)
    assert len(stage.responder.prompts) == 2


async def test_by_default_the_models_bill_has_a_ceiling_and_who_reaches_it_is_told() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        while not peer.of(native.ErrorMessage) and len(stage.responder.prompts) < 200:
            await peer.send(native.TextMessage(text="x" * 8_000))
            while not isinstance(await peer.receive(), native.ReplyStartedMessage | native.ErrorMessage):
                pass
        assert [error.code for error in peer.of(native.ErrorMessage)] == ["rate_limited"]
        sent = sum(len(message.content) for prompt in stage.responder.prompts for message in prompt)
    assert sent / 4 <= 200_000


async def test_users_are_counted_over_all_their_sessions() -> None:
    gate = Gate(tokens=OPTIONS, limits=LimitOptions(user_messages="30/hour"))
    async with staged(gate=gate) as stage:
        for _ in range(3):
            async with joined(stage.url, **bearer(token())) as peer:
                await peer.send(*[native.CancelMessage()] * 10)
                await peer.send(HELLO)
                await peer.until(native.ReplyDoneMessage)
        async with joined(stage.url, **bearer(token())) as peer:
            await peer.send(*[native.CancelMessage()] * 10)
            await asyncio.sleep(0.05)
            await peer.send(HELLO)
            assert await peer.error() == "rate_limited"


async def test_a_session_outlives_its_token_and_goes_on_with_a_new_one() -> None:
    gate = Gate(tokens=TokenOptions(secret=SECRET, session_ttl_s=2))
    async with staged(gate=gate) as stage, joined(stage.url, **bearer(token())) as peer:
        assert not peer.of(native.ReadyMessage)[0].development
        assert (await peer.until(native.EndingMessage)).code == "token_expired"
        await peer.send(native.RefreshMessage(token=token(jti="1")))
        assert 1_000 < (await peer.until(native.RefreshedMessage)).expires_in_ms <= 2_000
        await peer.send(native.RefreshMessage(token=token(jti="1")))
        assert await peer.error() == "token_used"
        await peer.send(native.RefreshMessage(token=token(sub="bob")))
        assert await peer.error() == "token_invalid"
        assert await peer.error() == "token_expired"
        assert await peer.closed() == 1008


async def test_without_tokens_there_is_nothing_to_refresh() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send(native.RefreshMessage(token="x"))
        assert await peer.error() == "invalid_state"


async def test_scopes_hold_for_what_is_configured_later() -> None:
    options = bearer(token(scope="reply:none"))
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, "reply=none", **options) as peer:
        await peer.send(native.ConfigureMessage(reply=True))
        assert await peer.error() == "scope_missing"


async def test_a_typed_message_is_not_answered_where_the_token_allows_no_replies() -> None:
    options = bearer(token(scope="reply:none"))
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, "reply=none", **options) as peer:
        await peer.send(HELLO)
        assert await peer.error() == "scope_missing"
        await peer.send(native.CommitMessage(), native.CancelMessage())
        await peer.until(native.FinalMessage)
    assert not stage.responder.prompts


@pytest.mark.parametrize("scope", ["rate:8000", "format:mulaw", "reply:none"])
async def test_a_token_that_would_not_open_a_session_does_not_prolong_it(scope: str) -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, **bearer(token())) as peer:
        for _ in range(2):  # and is not used up
            await peer.send(native.RefreshMessage(token=token(scope=scope, jti="1")))
            assert await peer.error() == "scope_missing"
        await peer.send(HELLO)
        await peer.until(native.ReplyDoneMessage)
        await peer.send(native.RefreshMessage(token=token(scope="rate:16000 reply:text")))
        await peer.until(native.RefreshedMessage)
        await peer.send(native.ConfigureMessage(reply=False))
        assert await peer.error() == "scope_missing"


async def test_a_long_frame_does_not_hold_up_the_others() -> None:
    turns: list[int] = []

    class Scorer(LoudnessScorer):
        def score(self, window: Pcm) -> float:
            turns.append(turn)
            return super().score(window)

    async with staged() as stage, joined(stage.url) as peer:
        stage.gateway.sessions._factory._new_scorer = Scorer
        turn = 0
        async with joined(stage.url) as long:
            await long.send(bytes(64_000))
            while len(turns) < 100:
                turn += 1
                await asyncio.sleep(0)
        assert max(Counter(turns).values()) <= 10
        await (await peer.socket.ping())


async def test_one_typed_message_does_not_hold_up_the_others() -> None:
    services = Services(windowed(ScriptedRecognizer()), OfflineResponder(), Metrics(), voice=ScriptedVoice())
    steps: list[float] = []

    async def count() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            steps.append(time.thread_time() - begun)

    async with staged(services=services) as stage, joined(stage.url, "reply=audio") as peer:
        counting = asyncio.create_task(count())
        await peer.send(native.TextMessage(text=f"say a{'.' * 6_000}b"))
        while sum(len(delta.text) for delta in peer.of(native.ReplyDeltaMessage)) < 6_002:
            await peer.receive()
        counting.cancel()
    assert max(steps) < 0.25  # of processor time; it was seconds


async def test_a_long_frame_that_is_cut_in_half_is_not_used() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send(bytes(64_001))
        assert await peer.error() == "odd_byte_count"
        await peer.send(native.EndMessage())
        assert await peer.closed() == 1000
    assert not peer.of(native.AckedMessage)


async def test_a_client_that_only_errs_is_let_go() -> None:
    async with staged(max_errors=3) as stage, joined(stage.url) as peer:
        await peer.send(*["nonsense"] * 4)
        assert [await peer.error() for _ in range(5)] == ["malformed_message"] * 4 + ["too_many_errors"]
        assert await peer.closed() == 1008


async def test_a_client_that_does_not_read_is_let_go() -> None:
    async with staged(max_outbox_bytes=200_000) as stage, joined(stage.url, max_queue=1) as peer:
        stage.responder.pieces = [ENDLESS] * 15_000
        await peer.send(HELLO)
        await asyncio.wait_for(stage.responder.stopped.wait(), 20)
        assert await peer.closed() == 1013
        assert len(peer.of(native.ReplyDeltaMessage)) < 15_000


async def test_a_client_that_takes_too_long_to_read_is_let_go() -> None:
    async with (
        staged(send_timeout_ms=200, max_outbox_bytes=100_000_000) as stage,
        joined(stage.url, max_queue=1) as peer,
    ):
        stage.responder.pieces = [ENDLESS] * 7_500
        await peer.send(HELLO)
        await asyncio.wait_for(stage.responder.stopped.wait(), 20)
        await until(lambda: "writer" not in {task.get_name() for task in asyncio.all_tasks()})
        assert await peer.closed() == 1013
