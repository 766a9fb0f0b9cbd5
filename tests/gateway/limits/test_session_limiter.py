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


def new_limiter(limits: Limits | None = None, quota: Quota | None = None, **options: Any) -> SessionLimiter:
    limits = limits or Limits(LimitOptions(**options), Metrics())
    return SessionLimiter(limits, ALICE.user, ALICE.address, SECOND, quota or Quota(limits.session_rates))


def retry_after_ms(limiter: SessionLimiter, now: float) -> int | None:
    with pytest.raises(RateLimited) as refused:
        limiter.admit_message(now)
    return refused.value.retry_after_ms


def test_says_once_that_it_is_too_much_and_then_drops() -> None:
    limiter = new_limiter(session_messages="2/second")
    assert limiter.admit_message(10.0)
    assert limiter.admit_message(10.0)
    assert retry_after_ms(limiter, 10.4) == 600
    assert not limiter.admit_message(10.5)
    assert limiter.admit_message(11.0)


def test_one_who_goes_on_regardless_is_disconnected() -> None:
    limiter = new_limiter(session_messages="1/hour", patience_ms=5_000)
    assert limiter.admit_message(0.0)
    retry_after_ms(limiter, 1.0)
    assert not limiter.admit_message(6.0)
    with pytest.raises(LimitIgnored):
        limiter.admit_message(6.1)


def test_one_who_waits_is_forgiven() -> None:
    limiter = new_limiter(session_messages="1/second", patience_ms=5_000)
    for second in range(0, 60, 2):
        assert limiter.admit_message(second)
        retry_after_ms(limiter, second + 0.5)


def test_one_who_comes_back_has_used_what_it_used_before() -> None:
    limits = Limits(LimitOptions(session_messages="1/hour", patience_ms=5_000), Metrics())
    usage = Quota(limits.session_rates)
    assert new_limiter(limits, usage).admit_message(0.0)
    retry_after_ms(new_limiter(limits, usage), 1.0)
    assert not new_limiter(limits, usage).admit_message(6.0)
    with pytest.raises(LimitIgnored):
        new_limiter(limits, usage).admit_message(6.1)


async def test_one_who_comes_back_is_still_refused_what_its_user_has_used_up() -> None:
    limits = Limits(LimitOptions(user_messages="5/minute"), Metrics())
    usage = Quota(limits.session_rates)
    first = new_limiter(limits, usage)
    assert all(first.admit_message(0.0) for _ in range(10))
    await first.report(0.0)
    retry_after_ms(new_limiter(limits, usage), 1.0)


def test_audio_is_counted_in_seconds() -> None:
    limiter = new_limiter(session_audio_seconds="2/minute")
    assert all(limiter.admit_audio(SECOND // 64, 0.0) for _ in range(128))
    with pytest.raises(RateLimited):
        limiter.admit_audio(SECOND // 64, 0.0)


async def test_blocks_are_reported_and_the_answer_holds_from_then_on() -> None:
    limiter = new_limiter(user_messages="15/minute")
    for _ in range(2):
        assert not limiter.due.is_set()
        assert all(limiter.admit_message(0.0) for _ in range(10))
        assert limiter.due.is_set()
        await limiter.report(0.0)
    assert 59_000 < (retry_after_ms(limiter, 0.0) or 0) <= 60_000


async def test_a_user_is_one_in_all_sessions() -> None:
    limits = Limits(LimitOptions(user_audio_seconds="3/minute"), Metrics())
    first, second = new_limiter(limits), new_limiter(limits)
    for each in (first, second):
        assert each.admit_audio(2 * SECOND, 0.0)
        await each.report(0.0)
    with pytest.raises(RateLimited):
        second.admit_audio(SECOND, 0.0)


async def test_fractions_are_kept_for_the_next_report() -> None:
    limits = Limits(LimitOptions(user_audio_seconds="2/minute"), Metrics())
    limiter = new_limiter(limits)
    for _ in range(6):
        limiter.admit_audio(SECOND // 3, 0.0)
        await limiter.report(0.0)
    limiter.admit_audio(SECOND, 0.0)
    await limiter.report(0.0)
    with pytest.raises(RateLimited):
        limiter.admit_audio(SECOND, 0.0)


async def test_what_other_sessions_have_used_up_is_known_before_the_first_use() -> None:
    limits = Limits(LimitOptions(user_messages="10/minute", user_audio_seconds="2/minute"), Metrics())
    first, second = new_limiter(limits), new_limiter(limits)
    await second.load_shared(0.0)
    assert first.admit_audio(2 * SECOND, 0.0)
    assert all(first.admit_message(0.0) for _ in range(10))
    await first.report(0.0)
    await second.load_shared(0.0)
    retry_after_ms(second, 0.0)
    with pytest.raises(RateLimited):
        second.admit_audio(1, 0.0)


async def test_to_ask_what_is_used_up_counts_nothing() -> None:
    limits = Limits(LimitOptions(user_messages="1/minute"), Metrics())
    for _ in range(3):
        await new_limiter(limits).load_shared(0.0)
    assert await limits.charge(Resource.MESSAGES, 1, "alice", "") == 0


async def test_short_sessions_do_not_go_uncounted() -> None:
    limits = Limits(LimitOptions(user_audio_seconds="3/minute"), Metrics())
    for _ in range(3):
        short = new_limiter(limits)
        short.admit_audio(SECOND // 2, 0.0)
        await short.report(0.0)
    assert await limits.used_up(Resource.AUDIO_SECONDS, "alice", "") > 0


async def test_a_prompt_is_counted_for_its_user_before_it_is_sent() -> None:
    limits = Limits(LimitOptions(user_model_tokens="100/minute"), Metrics())
    await new_limiter(limits).admit_reply(320, 0.0)
    await new_limiter(limits).admit_reply(80, 0.0)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await new_limiter(limits).admit_reply(1, 0.0)


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
    limiter = new_limiter(limits)
    assert all(limiter.admit_message(0.0) for _ in range(10))
    reporting = asyncio.create_task(limiter.report(0.0))
    await storage.asked.wait()
    reporting.cancel()
    await asyncio.gather(reporting, return_exceptions=True)
    storage.gate.set()
    await limiter.report(0.0)
    assert await limits.used_up(Resource.MESSAGES, "alice", "") > 0


async def test_prompts_and_replies_are_counted_in_tokens() -> None:
    limiter = new_limiter(session_model_tokens="100/minute")
    await limiter.admit_reply(200, 0.0)
    limiter.count_reply(60.0, 0.0)
    for _ in range(2):  # each turn has an answer of its own
        with pytest.raises(RateLimited):
            await limiter.admit_reply(1, 0.0)
    await limiter.admit_reply(1, 60.0)


async def test_what_is_written_beyond_a_sessions_limit_counts_for_its_user_too() -> None:
    limits = Limits(LimitOptions(session_model_tokens="10/minute", user_model_tokens="100/minute"), Metrics())
    limiter = new_limiter(limits)
    limiter.count_reply(100.0, 0.0)
    await limiter.report(0.0)
    assert await limits.used_up(Resource.MODEL_TOKENS, "alice", "") > 0


async def test_what_one_connection_has_not_reported_the_next_one_does() -> None:
    limits = Limits(LimitOptions(session_model_tokens=None, user_model_tokens="100/minute"), Metrics())
    usage = Quota(limits.session_rates)
    cut_off, next_one = new_limiter(limits, usage), new_limiter(limits, usage)
    cut_off.count_reply(100.0, 0.0)
    await next_one.report(0.0)
    assert await limits.used_up(Resource.MODEL_TOKENS, "alice", "") > 0


def test_without_limits_nothing_is_owed() -> None:
    free = new_limiter(session_messages=None, user_model_tokens=None)
    assert all(free.admit_message(0.0) for _ in range(1_000))
    assert not free.shared
    assert not free.due.is_set()


def test_a_frame_is_counted_however_small_it_is() -> None:
    limiter = new_limiter(session_audio_seconds="2/minute")
    assert all(limiter.admit_audio(2, 0.0) for _ in range(990))
    with pytest.raises(RateLimited):
        [limiter.admit_audio(2, 0.0) for _ in range(20)]
