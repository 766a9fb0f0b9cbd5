"""Whether Redis answers, from the outcome of commands; logs when that changes, and retries with backoff."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import AuthenticationError, AuthorizationError, RedisClusterException, RedisError

from voicegw.cluster_metrics import ClusterMetrics
from voicegw.errors import ConfigurationError

log = structlog.get_logger(__name__)

REDIS_ERRORS = (RedisError, RedisClusterException, OSError, TimeoutError)
_MAX_BACKOFF_S = 0.5
_AFTER_FAULT_S = 1.0

Outcome = TypeVar("Outcome")


def raise_if_cancelled() -> None:
    """Raises CancelledError if the running task was cancelled; to be called after commands to Redis.

    redis-py sends with `asyncio.wait_for`, which on Python 3.11 loses a cancellation that arrives when the
    sending is already done. The task still knows that it was cancelled; a loop that does not ask never ends.
    """
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


async def back_off(attempt: int) -> None:
    """A pause before the next attempt: exponential, with jitter, so that clients do not retry in step."""
    longest_s = min(_MAX_BACKOFF_S, 0.02 * 2 ** min(attempt, 10))
    await asyncio.sleep(random.uniform(longest_s / 2, longest_s))


class ConnectionMonitor:
    """address: of Redis, without its password. part: which keys the commands are for, where a Cluster has
    them on several servers."""

    def __init__(self, address: str, metrics: ClusterMetrics, part: str = "") -> None:
        self._address = address
        self._part = part
        self._metrics = metrics
        self._down_since: float | None = None
        self._up_since = time.monotonic()  # Redis may have been away until now
        metrics.report_redis(self, up=True)

    def down_s(self) -> float:
        """For how long Redis has not answered; 0 while it does."""
        return 0.0 if self._down_since is None else time.monotonic() - self._down_since

    def up_s(self) -> float:
        """For how long Redis is known to have answered: since the start at most; 0 while it does not."""
        return 0.0 if self._down_since is not None else time.monotonic() - self._up_since

    def succeeded(self) -> bool:
        """A command was answered. Returns whether the previous one had failed."""
        if self._down_since is None:
            return False
        log.info("redis answers again", redis=self._address, part=self._part, away_s=round(self.down_s(), 2))
        self._down_since, self._up_since = None, time.monotonic()
        self._metrics.report_redis(self, up=True)
        return True

    def failed(self, error: BaseException) -> None:
        """A command failed."""
        self._metrics.redis_errors.labels(type(error).__name__).inc()
        if self._down_since is None:
            self._down_since = time.monotonic()
            self._metrics.report_redis(self, up=False)
            reason = str(error)
            log.warning("redis does not answer", redis=self._address, part=self._part, reason=reason)

    async def try_once(self, step: Callable[[], Awaitable[None]]) -> None:
        """The first step. It may fail, since Redis may be started later; but a user or password that Redis
        refuses is a ConfigurationError."""
        try:
            await step()
        except (AuthenticationError, AuthorizationError) as error:
            raise ConfigurationError(f"Redis refuses the user or the password: {error}") from error
        except REDIS_ERRORS as error:
            self.failed(error)

    async def retry(self, step: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Repeats `step` until it does not fail with a Redis error; returns what it returned."""
        attempt = 0
        while True:
            try:
                return await step()
            except REDIS_ERRORS as error:
                raise_if_cancelled()
                self.failed(error)
                await back_off(attempt)
                attempt += 1

    async def repeat(self, step: Callable[[], Awaitable[None]], stop: asyncio.Event | None = None) -> None:
        """Runs `step` again and again until `stop` is set. No error ends it: Redis errors are retried, and
        other exceptions are logged."""
        while stop is None or not stop.is_set():
            try:
                await self.retry(step)
            except Exception:
                log.exception("a step failed; going on", step=getattr(step, "__qualname__", ""))
                await asyncio.sleep(_AFTER_FAULT_S)
            raise_if_cancelled()
