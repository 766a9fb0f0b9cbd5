import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from limits.aio.storage import MemoryStorage
from limits.errors import StorageError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.gateway.auth.test_authenticator import OPTIONS, bearer, token
from tests.gateway.fakes import Gate, Stage, staged
from tests.observing import PATIENCE_S, until
from tests.peer import joined
from voicegw.errors import ConfigurationError, RateLimited
from voicegw.gateway.auth.access import AccessOptions
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits, Resource, SessionWindows
from voicegw.telemetry import Metrics

BEHIND_PROXY = AccessOptions(behind_proxy=True)


def limits(storage: MemoryStorage | None = None, **options: Any) -> Limits:
    return Limits(LimitOptions(**options), Metrics(), storage)


async def test_users_and_addresses_are_counted_apart() -> None:
    two = limits(user_messages="2/minute", address_messages="3/minute")
    assert [await two.charge(Resource.MESSAGES, 1, "alice", "a") for _ in range(2)] == [0, 0]
    assert 59 < await two.charge(Resource.MESSAGES, 1, "alice", "a") <= 60
    assert await two.charge(Resource.MESSAGES, 1, "bob", "a") > 0
    assert await two.charge(Resource.MESSAGES, 1, "bob", "b") == 0


async def test_several_windows_hold_at_once() -> None:
    both = limits(user_audio_seconds="10/minute; 15/hour")
    assert await both.charge(Resource.AUDIO_SECONDS, 10, "alice", "") == 0
    assert 59 < await both.charge(Resource.AUDIO_SECONDS, 1, "alice", "") <= 60
    assert await both.charge(Resource.AUDIO_SECONDS, 5, "alice", "") > 3_500


async def test_nobody_in_particular_is_not_counted() -> None:
    one = limits(user_messages="1/hour", address_messages="1/hour")
    assert not one.applies(Resource.MESSAGES, "", "")
    for _ in range(3):
        await one.admit(Resource.MESSAGES, "", "")


async def test_a_refusal_says_when_to_come_back() -> None:
    one = limits(address_connections="1/minute")
    await one.admit(Resource.CONNECTIONS, "", "a")
    with pytest.raises(RateLimited) as refused:
        await one.admit(Resource.CONNECTIONS, "", "a")
    assert 59_000 < (refused.value.retry_after_ms or 0) <= 60_000


@pytest.mark.parametrize("text", ["many", "10", "10/fortnight"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    said = f"^limits.user_messages: '{text}' is not a rate, such as 100/second$"
    with pytest.raises(ConfigurationError, match=said):
        limits(user_messages=text)


def test_an_empty_rate_is_no_limit() -> None:
    assert LimitOptions(user_model_tokens="").rates("user") == {}


class Unwell(MemoryStorage):
    """A storage that fails, or does not answer."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self.silent = silent
        self.asked = 0

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        if self.silent:
            await asyncio.sleep(3600)
        raise StorageError(OSError("gone"))


@pytest.mark.parametrize("silent", [False, True])
async def test_without_its_storage_a_gateway_counts_alone(silent: bool) -> None:
    storage = Unwell(silent=silent)
    lone = limits(storage, user_messages="2/minute")
    waits = [await lone.charge(Resource.MESSAGES, 1, "alice", "") for _ in range(3)]
    assert [wait > 0 for wait in waits] == [False, False, True]
    assert storage.asked == 1  # and not again for a while


class LosesCancellations(MemoryStorage):
    """A storage that goes on when it is cancelled, as the Redis client may on Python 3.11."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        return amount


async def test_a_task_can_be_cancelled_whose_storage_loses_that() -> None:
    storage = LosesCancellations()
    one = limits(storage, user_messages="1/hour")
    charging = asyncio.create_task(one.charge(Resource.MESSAGES, 1, "alice", ""))
    await asyncio.wait_for(storage.asked.wait(), PATIENCE_S)
    charging.cancel()
    await asyncio.wait({charging}, timeout=PATIENCE_S)
    assert charging.cancelled()


def test_a_sessions_windows_begin_with_what_is_first_counted() -> None:
    windows = SessionWindows(LimitOptions(session_messages="2/minute; 3/hour").rates("session"))
    assert [windows.charge(Resource.MESSAGES, 1, now) for now in (5, 6, 7)] == [0, 0, 58]
    assert windows.charge(Resource.MESSAGES, 1, 65) == pytest.approx(3_540)
    assert windows.charge(Resource.AUDIO_SECONDS, 1e9, 65) == 0


# --- before the upgrade ---


async def refused(stage: Stage, address: str, **options: Any) -> tuple[int, str, int]:
    """Status, code and Retry-After of a refusal, as a client at `address` gets it."""
    headers = {"X-Forwarded-For": address, **options}
    with pytest.raises(InvalidStatus) as answer:
        async with connect(stage.url, proxy=None, additional_headers=headers):
            pass
    response = answer.value.response
    error = json.loads(response.body or b"")["error"]
    assert error["retryable"]
    return response.status_code, error["code"], int(response.headers["Retry-After"])


def known(address: str, **claims: Any) -> dict[str, Any]:
    """What a client at `address` connects with."""
    headers = bearer(token(**claims))["additional_headers"]
    return {"additional_headers": {"X-Forwarded-For": address, **headers}}


async def test_an_address_that_tries_too_often_gets_429() -> None:
    gate = Gate(access=BEHIND_PROXY, tokens=OPTIONS, limits=LimitOptions(address_connections="2/minute"))
    async with staged(gate=gate) as stage:
        for _ in range(2):
            async with joined(stage.url, **known("203.0.113.7")):
                pass
        status, code, retry_after_s = await refused(stage, "203.0.113.7")
        assert (status, code) == (429, "rate_limited")
        assert 55 <= retry_after_s <= 80
        async with joined(stage.url, **known("203.0.113.8")):
            pass


async def test_guesses_at_tokens_count_too() -> None:
    gate = Gate(access=BEHIND_PROXY, tokens=OPTIONS, limits=LimitOptions(address_connections="2/minute"))
    async with staged(gate=gate) as stage:
        for _ in range(2):
            with pytest.raises(InvalidStatus, match="401"):
                async with connect(stage.url, proxy=None, **known("203.0.113.7", aud="x")):
                    pass
        assert (await refused(stage, "203.0.113.7"))[:2] == (429, "rate_limited")


async def test_an_address_has_so_many_sessions_open_and_no_more() -> None:
    gate = Gate(access=BEHIND_PROXY, tokens=OPTIONS, limits=LimitOptions(address_open=1))
    async with staged(gate=gate) as stage:
        async with joined(stage.url, **known("203.0.113.7")):
            with pytest.raises(InvalidStatus, match="429"):
                async with connect(stage.url, proxy=None, **known("203.0.113.7")):
                    pass
            async with joined(stage.url, **known("203.0.113.8")):
                pass
        await until(lambda: stage.value("sessions") == 0)
        async with joined(stage.url, **known("203.0.113.7")):
            pass


async def test_a_user_has_so_many_sessions_open_and_no_more() -> None:
    gate = Gate(access=BEHIND_PROXY, tokens=OPTIONS, limits=LimitOptions(user_open=1))
    async with staged(gate=gate) as stage, joined(stage.url, **known("203.0.113.7")):
        with pytest.raises(InvalidStatus, match="429"):
            async with connect(stage.url, proxy=None, **known("203.0.113.8")):
                pass
        async with joined(stage.url, **known("203.0.113.7", sub="bob")):
            pass
