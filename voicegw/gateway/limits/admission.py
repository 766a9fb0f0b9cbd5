"""Admission control: refuses a connection before the upgrade when the server is draining, not ready, at
capacity, overloaded, or when too many clients connect at once. Refused clients get different times to retry,
spread so that they can be admitted when they return.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from voicegw.core.options import option
from voicegw.core.wait_time import AverageWait
from voicegw.errors import RETRY_AFTER_MS, AtCapacity, Draining, NotReady, VoicegwError

_MAX_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class AdmissionOptions:
    """How many sessions to admit."""

    max_sessions: int = option(500, "sessions held at once; more are refused with 503", ge=1)
    max_loop_lag_ms: int = option(
        100, "mean delay of the event loop from which sessions beside open ones are refused", ge=1
    )
    accepts_per_s: int = option(
        200, "sessions that may be opened in a second, once the burst is used up", ge=1
    )
    accept_burst: int = option(500, "sessions that may be opened at once after a quiet time", ge=1)


class Admission:
    """Decides whether one more session may be opened.

    unready: why the recogniser is not ready; empty when it is. overloaded: whether the recogniser is.
    """

    def __init__(
        self, options: AdmissionOptions, unready: Callable[[], str], overloaded: Callable[[], bool]
    ) -> None:
        self.draining = False
        self._options = options
        self._unready = unready
        self._overloaded = overloaded
        self._lag = AverageWait()
        self._accepts = TokenBucket(options.accepts_per_s, options.accept_burst)
        self._last_retry_at = 0.0  # monotonic second at which the last refused client retries

    @property
    def max_sessions(self) -> int:
        """The largest number of sessions at one time."""
        return self._options.max_sessions

    def check_ready(self) -> None:
        """Raises Draining or NotReady when the server admits no session at all."""
        if self.draining:
            raise Draining
        if reason := self._unready():
            raise NotReady(reason)

    def check(self, sessions: int) -> None:
        """Raises Draining, NotReady or AtCapacity unless one more than `sessions` may be opened now."""
        self.check_ready()
        if sessions >= self._options.max_sessions:
            raise AtCapacity
        if self._overloaded():
            raise AtCapacity("recognition is overloaded; more sessions would slow down the open ones")
        if sessions and self.loop_lag_s * 1000 > self._options.max_loop_lag_ms:
            raise AtCapacity("the gateway is overloaded; more sessions would slow down the open ones")

    def check_accept_rate(self) -> None:
        """Raises AtCapacity when clients connect faster than `accepts_per_s` allows."""
        if not self._accepts.holds(time.monotonic()):
            raise AtCapacity("too many clients connect at once")

    def take(self) -> None:
        """Counts one admitted client."""
        self._accepts.take()

    def retry_after_ms(self, error: VoicegwError, *, queues: bool = True) -> int:
        """The time in ms after which the client should retry, with random jitter.

        Each refused client gets a later time than the one before, at the rate at which sessions can be
        opened. This does not apply when the error states a time, or when `queues` is false.
        """
        delay_s = (error.retry_after_ms or RETRY_AFTER_MS) / 1000
        now = time.monotonic()
        if queues and error.retry_after_ms is None:
            place_at = max(self._last_retry_at, now + delay_s) + 1 / self._options.accepts_per_s
            self._last_retry_at = min(place_at, now + _MAX_RETRY_S)
            delay_s = self._last_retry_at - now
        return round(1000 * delay_s * (1 + random.random() / 4))

    @property
    def loop_lag_s(self) -> float:
        """Mean delay of the event loop over about the last second, in s."""
        return self._lag.mean_s(time.monotonic())

    def observe_lag(self, late_s: float, now: float) -> None:
        """Records that the event loop was late by `late_s` at the monotonic second `now`. Until the server is
        ready, its own start is the reason."""
        self._lag.observe(0.0 if self._unready() else late_s, now)


class TokenBucket:
    """A token bucket: fills with `per_s` tokens per second up to `burst`. Times are monotonic seconds."""

    __slots__ = ("_burst", "_filled_at", "_level", "_per_s")  # every connection has one

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._level = burst
        self._filled_at = float("-inf")

    def holds(self, now: float) -> bool:
        """Whether a token is available."""
        return self.wait_s(now) <= 0

    def wait_s(self, now: float) -> float:
        """Seconds until a token is available."""
        if now > self._filled_at:
            self._level = min(self._burst, self._level + (now - self._filled_at) * self._per_s)
            self._filled_at = now
        return 0.0 if self._level >= 1 else (1 - self._level) / self._per_s

    def take(self, count: int = 1) -> None:
        """Takes `count` tokens; the level may become negative."""
        self._level -= count
