import asyncio
from typing import Any

import pytest
from limits.aio.storage import MemoryStorage

from voicegw.errors import LimitIgnored, RateLimited
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits, Resource
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.telemetry import Metrics

ALICE = Identity("alice", "203.0.113.7")
SECOND = 32_000  # bytes


def meter(limits: Limits | None = None, usage: Quota | None = None, **options: Any) -> SessionLimiter:
    limits = limits or Limits(LimitOptions(**options), Metrics())
    return SessionLimiter(limits, ALICE.user, ALICE.address, SECOND, usage or Quota(limits.session_rates))


def retry_after_ms(limited: SessionLimiter, now: float) -> int | None:
    with pytest.raises(RateLimited) as refused:
        limited.admit_message(now)
    return refused.value.retry_after_ms


def test_says_once_that_it_is_too_much_and_then_drops() -> None:
    limited = meter(session_messages="2/second")
    assert limited.admit_message(10.0)
    assert limited.admit_message(10.0)
    assert retry_after_ms(limited, 10.4) == 600
    assert not limited.admit_message(10.5)
    assert limited.admit_message(11.0)


def test_one_who_goes_on_regardless_is_disconnected() -> None:
    limited = meter(session_messages="1/hour", patience_ms=5_000)
    assert limited.admit_message(0.0)
    retry_after_ms(limited, 1.0)
    assert not limited.admit_message(6.0)
    with pytest.raises(LimitIgnored):
        limited.admit_message(6.1)


def test_one_who_waits_is_forgiven() -> None:
    limited = meter(session_messages="1/second", patience_ms=5_000)
    for second in range(0, 60, 2):
        assert limited.admit_message(second)
        retry_after_ms(limited, second + 0.5)


def test_one_who_comes_back_has_used_what_it_used_before() -> None:
    limits = Limits(LimitOptions(session_messages="1/hour", patience_ms=5_000), Metrics())
    usage = Quota(limits.session_rates)
    assert meter(limits, usage).admit_message(0.0)
    retry_after_ms(meter(limits, usage), 1.0)
    assert not meter(limits, usage).admit_message(6.0)
    with pytest.raises(LimitIgnored):
        meter(limits, usage).admit_message(6.1)


async def test_one_who_comes_back_is_still_refused_what_its_user_has_used_up() -> None:
    limits = Limits(LimitOptions(user_messages="5/minute"), Metrics())
    usage = Quota(limits.session_rates)
    first = meter(limits, usage)
    assert all(first.admit_message(0.0) for _ in range(10))
    await first.settle(0.0)
    retry_after_ms(meter(limits, usage), 1.0)


def test_audio_is_counted_in_seconds() -> None:
    limited = meter(session_audio_seconds="2/minute")
    assert all(limited.admit_audio(SECOND // 64, 0.0) for _ in range(128))
    with pytest.raises(RateLimited):
        limited.admit_audio(SECOND // 64, 0.0)


async def test_blocks_are_reported_and_the_answer_holds_from_then_on() -> None:
    limited = meter(user_messages="15/minute")
    for _ in range(2):
        assert not limited.due.is_set()
        assert all(limited.admit_message(0.0) for _ in range(10))
        assert limited.due.is_set()
        await limited.settle(0.0)
    assert 59_000 < (retry_after_ms(limited, 0.0) or 0) <= 60_000


async def test_a_user_is_one_in_all_sessions() -> None:
    limits = Limits(LimitOptions(user_audio_seconds="3/minute"), Metrics())
    first, second = meter(limits), meter(limits)
    for each in (first, second):
        assert each.admit_audio(2 * SECOND, 0.0)
        await each.settle(0.0)
    with pytest.raises(RateLimited):
        second.admit_audio(SECOND, 0.0)


async def test_fractions_are_kept_for_the_next_report() -> None:
    limits = Limits(LimitOptions(user_audio_seconds="2/minute"), Metrics())
    limited = meter(limits)
    for _ in range(6):
        limited.admit_audio(SECOND // 3, 0.0)
        await limited.settle(0.0)
    limited.admit_audio(SECOND, 0.0)
    await limited.settle(0.0)
    with pytest.raises(RateLimited):
        limited.admit_audio(SECOND, 0.0)


async def test_what_other_sessions_have_used_up_is_known_before_the_first_use() -> None:
    limits = Limits(LimitOptions(user_messages="10/minute", user_audio_seconds="2/minute"), Metrics())
    first, second = meter(limits), meter(limits)
    await second.begin(0.0)
    assert first.admit_audio(2 * SECOND, 0.0)
    assert all(first.admit_message(0.0) for _ in range(10))
    await first.settle(0.0)
    await second.begin(0.0)
    retry_after_ms(second, 0.0)
    with pytest.raises(RateLimited):
        second.admit_audio(1, 0.0)


async def test_to_ask_what_is_used_up_counts_nothing() -> None:
    limits = Limits(LimitOptions(user_messages="1/minute"), Metrics())
    for _ in range(3):
        await meter(limits).begin(0.0)
    assert await limits.charge(Resource.MESSAGES, 1, "alice", "") == 0


async def test_short_sessions_do_not_go_uncounted() -> None:
    limits = Limits(LimitOptions(user_audio_seconds="3/minute"), Metrics())
    for _ in range(3):
        short = meter(limits)
        short.admit_audio(SECOND // 2, 0.0)
        await short.settle(0.0)
    assert await limits.used_up(Resource.AUDIO_SECONDS, "alice", "") > 0


async def test_a_prompt_is_counted_for_its_user_before_it_is_sent() -> None:
    limits = Limits(LimitOptions(user_model_tokens="100/minute"), Metrics())
    await meter(limits).admit_reply(320, 0.0)
    await meter(limits).admit_reply(80, 0.0)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await meter(limits).admit_reply(1, 0.0)


class Stuck(MemoryStorage):
    """A storage that does not answer while the gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.asked = asyncio.Event(), asyncio.Event()

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked.set()
        await self.gate.wait()
        return await super().incr(key, expiry, amount)


async def test_what_a_cancelled_report_has_not_told_is_still_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicegw.gateway.limits.rate_limits._STORAGE_S", 30.0)
    storage = Stuck()
    limits = Limits(LimitOptions(user_messages="10/minute"), Metrics(), storage)
    limited = meter(limits)
    assert all(limited.admit_message(0.0) for _ in range(10))
    settling = asyncio.create_task(limited.settle(0.0))
    await storage.asked.wait()
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    storage.gate.set()
    await limited.settle(0.0)
    assert await limits.used_up(Resource.MESSAGES, "alice", "") > 0


async def test_prompts_and_replies_are_counted_in_tokens() -> None:
    limited = meter(session_model_tokens="100/minute")
    await limited.admit_reply(200, 0.0)
    limited.count_reply(60.0, 0.0)
    for _ in range(2):  # each turn has an answer of its own
        with pytest.raises(RateLimited):
            await limited.admit_reply(1, 0.0)
    await limited.admit_reply(1, 60.0)


async def test_what_is_written_beyond_a_sessions_limit_counts_for_its_user_too() -> None:
    limits = Limits(LimitOptions(session_model_tokens="10/minute", user_model_tokens="100/minute"), Metrics())
    limited = meter(limits)
    limited.count_reply(100.0, 0.0)
    await limited.settle(0.0)
    assert await limits.used_up(Resource.MODEL_TOKENS, "alice", "") > 0


async def test_what_one_connection_has_not_reported_the_next_one_does() -> None:
    limits = Limits(LimitOptions(session_model_tokens=None, user_model_tokens="100/minute"), Metrics())
    usage = Quota(limits.session_rates)
    cut_off, next_one = meter(limits, usage), meter(limits, usage)
    cut_off.count_reply(100.0, 0.0)
    await next_one.settle(0.0)
    assert await limits.used_up(Resource.MODEL_TOKENS, "alice", "") > 0


def test_without_limits_nothing_is_owed() -> None:
    free = meter(session_messages=None, user_model_tokens=None)
    assert all(free.admit_message(0.0) for _ in range(1_000))
    assert not free.shared
    assert not free.due.is_set()


def test_a_frame_is_counted_however_small_it_is() -> None:
    limited = meter(session_audio_seconds="2/minute")
    assert all(limited.admit_audio(2, 0.0) for _ in range(990))
    with pytest.raises(RateLimited):
        [limited.admit_audio(2, 0.0) for _ in range(20)]
