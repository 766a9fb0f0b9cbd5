"""Whether Redis answers, as those who talk to it find; says so in the log when that changes."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import AuthenticationError, AuthorizationError, RedisClusterException, RedisError

from voicegw.errors import ConfigurationError
from voicegw.telemetry import ClusterMetrics

log = structlog.get_logger(__name__)

TROUBLE = (RedisError, RedisClusterException, OSError, TimeoutError)
_LONGEST_BACKOFF_S = 0.5
_AFTER_FAULT_S = 1.0

Outcome = TypeVar("Outcome")


def heed_cancel() -> None:
    """Raises CancelledError if the running task was cancelled; for loops around what asks Redis.

    redis-py sends with `asyncio.wait_for`, which on Python 3.11 loses a cancel that comes when the sending is
    already done. The task still knows that it was cancelled, and whoever does not look loops for ever.
    """
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


class Link:
    """`where` is the address without its password."""

    def __init__(self, where: str, metrics: ClusterMetrics) -> None:
        self._where = where
        self._metrics = metrics
        self._lost_at: float | None = None
        metrics.redis_up.set(1)

    def away_s(self) -> float:
        """For how long Redis has not answered; 0 while it does."""
        return 0.0 if self._lost_at is None else time.monotonic() - self._lost_at

    def worked(self) -> bool:
        """Redis does what it is asked; returns whether it did not before."""
        if self._lost_at is None:
            return False
        log.info("redis is back", redis=self._where, away_s=round(self.away_s(), 2))
        self._lost_at = None
        self._metrics.redis_up.set(1)
        return True

    def failed(self, error: BaseException) -> None:
        """Something that Redis was asked went wrong."""
        self._metrics.redis_errors.labels(type(error).__name__).inc()
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self._metrics.redis_up.set(0)
            log.warning("redis trouble; waiting for it", redis=self._where, reason=str(error))

    async def begin(self, step: Callable[[], Awaitable[None]]) -> None:
        """The first step. Redis may come later; but a user or password that it refuses is a
        ConfigurationError."""
        try:
            await step()
        except (AuthenticationError, AuthorizationError) as error:
            raise ConfigurationError(f"Redis refuses the user or the password: {error}") from error
        except TROUBLE as error:
            self.failed(error)

    async def persist(self, step: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Does `step` until Redis lets it."""
        attempt = 0
        while True:
            try:
                return await step()
            except TROUBLE as error:
                heed_cancel()
                self.failed(error)
                await self._pause(attempt)
                attempt += 1

    async def _pause(self, attempt: int) -> None:
        """The wait before trying again, longer each time, and never the same for two who try."""
        longest_s = min(_LONGEST_BACKOFF_S, 0.02 * 2 ** min(attempt, 10))
        await asyncio.sleep(random.uniform(longest_s / 2, longest_s))

    async def repeat(self, step: Callable[[], Awaitable[None]], stop: asyncio.Event | None = None) -> None:
        """Does `step` again and again, until `stop`. Redis trouble does not end it, and a fault of ours does
        not either: nobody would begin it again."""
        while stop is None or not stop.is_set():
            try:
                await self.persist(step)
            except Exception:
                log.exception("a step failed; going on", step=getattr(step, "__qualname__", ""))
                await asyncio.sleep(_AFTER_FAULT_S)
            heed_cancel()
