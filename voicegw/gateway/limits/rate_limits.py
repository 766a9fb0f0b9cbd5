"""Rate limits of one session, one user and one address: connections, messages, audio and model tokens.

Rates use the syntax of the library `limits`: `100/second; 2000/minute`. That library counts the use of users
and addresses, in memory or, for all gateways, in Redis; the use of a session is counted in its own windows.
The frame path never waits: `session_limiter.py` counts locally and reports in blocks.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from voicegw.core.options import option
from voicegw.errors import ConfigurationError, RateLimited
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_STORAGE_S = 0.08  # a refusal must not take longer than 100 ms, whatever Redis does
_RETRY_STORAGE_S = 5.0


class Resource(StrEnum):
    """The counted resources."""

    CONNECTIONS = "connections"
    MESSAGES = "messages"
    AUDIO_SECONDS = "audio_seconds"
    MODEL_TOKENS = "model_tokens"


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """Limits of sessions, users and addresses; None means no limit. Example: `100/second; 2000/minute`."""

    session_messages: str | None = option("6000/minute", "JSON messages of one session")
    session_audio_seconds: str | None = option(None, "seconds of audio in one session")
    session_model_tokens: str | None = option(
        "200000/minute; 2000000/hour", "tokens of prompts and replies in one session"
    )
    user_connections: str | None = option(None, "sessions that one user may open")
    user_messages: str | None = option(None, "JSON messages of one user")
    user_audio_seconds: str | None = option(None, "seconds of audio of one user")
    user_model_tokens: str | None = option(
        "400000/minute; 4000000/hour", "tokens of prompts and replies of one user"
    )
    address_connections: str | None = option("300/minute", "connections, also refused ones, from one address")
    address_messages: str | None = option(None, "JSON messages from one address")
    address_audio_seconds: str | None = option(None, "seconds of audio from one address")
    address_model_tokens: str | None = option(None, "tokens of prompts and replies for one address")
    user_open: int = option(
        20, "sessions of one user on one gateway, detached ones included; 0 for any number", ge=0
    )
    address_open: int = option(100, "the same of one address; 0 for any number", ge=0)
    exempt: tuple[str, ...] = option(
        ("127.0.0.0/8", "::1"), "addresses and networks without limits per address"
    )
    patience_ms: int = option(
        30_000, "time for which a client may continue to send over a limit before it is disconnected", ge=0
    )

    def rates(self, scope: str) -> dict[Resource, list[RateLimitItem]]:
        """The rates of `session`, `user` or `address`. Raises ConfigurationError for an invalid rate."""
        names = {resource: f"{scope}_{resource.value}" for resource in Resource}
        texts = {resource: getattr(self, name, None) for resource, name in names.items()}
        return {resource: _parse(text, names[resource]) for resource, text in texts.items() if text}


def _parse(text: str, name: str) -> list[RateLimitItem]:
    try:
        return parse_many(text)
    except ValueError as error:
        raise ConfigurationError(f"limits.{name}: {text!r} is not a rate, such as 100/second") from error


@dataclass(slots=True)
class _Window:
    """A fixed window of one rate; it begins with the first use counted in it."""

    rate: RateLimitItem
    ends_at: float = 0.0
    used: float = 0.0

    def charge(self, cost: float, now: float) -> float:
        """Counts `cost`; returns the seconds to wait when over the limit, else 0."""
        if now >= self.ends_at:
            self.ends_at, self.used = now + self.rate.get_expiry(), 0.0
        self.used += cost
        return self.ends_at - now if self.used > self.rate.amount else 0.0


class WindowState(msgspec.Struct, frozen=True, array_like=True):
    """The stored form of a window. ends_at: Unix time in s."""

    rate: str
    ends_at: float
    used: float


WindowStates = dict[Resource, list[WindowState]]


class SessionWindows:
    """The rates of one session."""

    def __init__(self, rates: Mapping[Resource, Sequence[RateLimitItem]]) -> None:
        self._windows = {resource: [_Window(rate) for rate in of] for resource, of in rates.items()}

    def charge(self, resource: Resource, cost: float, now: float) -> float:
        """Counts `cost`; returns the seconds to wait when over a limit, else 0. now: monotonic seconds."""
        windows = self._windows.get(resource)
        return max(window.charge(cost, now) for window in windows) if windows else 0.0

    def state(self, booted_at: float) -> WindowStates:
        """The use so far. booted_at: Unix time of monotonic second 0."""
        return {
            resource: [WindowState(str(each.rate), booted_at + each.ends_at, each.used) for each in windows]
            for resource, windows in self._windows.items()
        }

    def restore(self, state: WindowStates, booted_at: float) -> None:
        """Restores stored windows; ignores those whose rate is not configured here."""
        for resource, windows in self._windows.items():
            known = {each.rate: each for each in state.get(resource, ())}
            for window in windows:
                if (each := known.get(str(window.rate))) is not None:
                    window.ends_at, window.used = each.ends_at - booted_at, each.used


class Limits:
    """The rates of users and addresses.

    storage: shared by several gateways (made with `wrap_exceptions`), or None to count in this gateway only.
    When the storage does not answer in time, this gateway counts locally for a while: limits protect the
    service and must not stop it.
    """

    def __init__(self, options: LimitOptions, metrics: Metrics, storage: Storage | None = None) -> None:
        self.options = options
        self.session_rates = options.rates("session")
        self._metrics = metrics
        self._rates = {scope: options.rates(scope) for scope in ("user", "address")}
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = None if storage is None else FixedWindowRateLimiter(storage)
        self._shared_again_at = 0.0

    def applies(self, resource: Resource, user: str, address: str) -> bool:
        """Whether there is a shared counter for this resource, user and address."""
        return next(self._counted(resource, user, address), None) is not None

    async def charge(self, resource: Resource, cost: int, user: str, address: str) -> float:
        """Counts `cost` for both; returns the seconds to wait when one of them is over a limit, else 0."""
        hit = partial(_hit, cost=cost)
        waits = [await self._count(hit, rate, key) for rate, key in self._counted(resource, user, address)]
        return max(waits, default=0.0)

    async def used_up(self, resource: Resource, user: str, address: str) -> float:
        """Seconds until neither user nor address is at a limit, else 0; counts nothing."""
        waits = [await self._count(_wait, rate, key) for rate, key in self._counted(resource, user, address)]
        return max(waits, default=0.0)

    async def admit(self, resource: Resource, user: str, address: str) -> None:
        """Counts one use. Raises RateLimited."""
        wait_s = await self.charge(resource, 1, user, address)
        if wait_s > 0:
            raise RateLimited(f"too many {resource.value}", retry_after_ms=round(wait_s * 1000))

    def _counted(
        self, resource: Resource, user: str, address: str
    ) -> Iterator[tuple[RateLimitItem, tuple[str, str, str]]]:
        for scope, name in (("user", user), ("address", address)):
            if name:
                for rate in self._rates[scope].get(resource, ()):
                    yield rate, (scope, name, resource.value)

    async def _count(self, operation: "_Operation", rate: RateLimitItem, key: tuple[str, ...]) -> float:
        now = time.monotonic()
        if self._shared is not None and now >= self._shared_again_at:
            try:
                return await _answer(operation(self._shared, rate, key))
            except (StorageError, TimeoutError) as error:
                self._shared_again_at = now + _RETRY_STORAGE_S
                self._metrics.limits_unshared.inc()
                log.warning(
                    "shared limit counters unavailable; counting locally",
                    reason=type(error).__name__,
                )
        return await operation(self._local, rate, key)


_Operation = Callable[[FixedWindowRateLimiter, RateLimitItem, tuple[str, ...]], Coroutine[Any, Any, float]]


async def _answer(asked: Coroutine[Any, Any, float]) -> float:
    """What the shared counters answer. Raises StorageError, and TimeoutError when they take too long.

    They are asked in a task of their own: the Redis client uses `asyncio.wait_for`, which in Python 3.11 may
    lose a cancellation, and a task of a connection that cannot be cancelled keeps its seat for ever.
    """
    asking = asyncio.create_task(asked, name="shared counters")
    asking.add_done_callback(lambda task: task.cancelled() or task.exception())  # which nobody may wait for
    try:
        await asyncio.wait({asking}, timeout=_STORAGE_S)
        if not asking.done():
            raise TimeoutError
        return asking.result()
    finally:
        asking.cancel()


async def _hit(
    limiter: FixedWindowRateLimiter, rate: RateLimitItem, key: tuple[str, ...], cost: int
) -> float:
    """Counts `cost`; returns the seconds to wait when over the limit, else 0."""
    if await limiter.hit(rate, *key, cost=cost):
        return 0.0
    window = await limiter.get_window_stats(rate, *key)
    return max(0.001, window.reset_time - time.time())


async def _wait(limiter: FixedWindowRateLimiter, rate: RateLimitItem, key: tuple[str, ...]) -> float:
    """Seconds to wait when the limit is used up, else 0."""
    window = await limiter.get_window_stats(rate, *key)
    return max(0.001, window.reset_time - time.time()) if window.remaining <= 0 else 0.0
