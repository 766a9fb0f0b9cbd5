"""How many are let in: a connection is refused before the upgrade when the server is stopping, not warm yet,
full, behind with its work, or run at. Those who are refused are told different times to come back, spread so
that they can be let in when they do.
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
    """How much to take on."""

    max_sessions: int = option(500, "sessions held at once; more are refused with 503", ge=1)
    max_loop_lag_ms: int = option(100, "mean delay of the event loop from which sessions are refused", ge=1)
    accepts_per_s: int = option(
        200, "sessions that may be opened in a second, once the burst is used up", ge=1
    )
    accept_burst: int = option(500, "sessions that may be opened at once after a quiet time", ge=1)


class Admission:
    """`unready` and `crowded` tell of the recogniser: why it is not ready yet, and nothing when it is; and
    whether it is behind."""

    def __init__(
        self, options: AdmissionOptions, unready: Callable[[], str], crowded: Callable[[], bool]
    ) -> None:
        self.draining = False
        self._options = options
        self._unready = unready
        self._crowded = crowded
        self._lag = AverageWait()
        self._accepts = TokenBucket(options.accepts_per_s, options.accept_burst)
        self._returns_at = 0.0  # when the last one to be refused comes back

    @property
    def max_sessions(self) -> int:
        """How many sessions are held at once."""
        return self._options.max_sessions

    def check_ready(self) -> None:
        """Raises Draining or NotReady unless the server takes sessions at all."""
        if self.draining:
            raise Draining
        if reason := self._unready():
            raise NotReady(reason)

    def check(self, sessions: int) -> None:
        """Raises Draining, NotReady or AtCapacity unless one more than `sessions` may be opened now."""
        self.check_ready()
        if sessions >= self._options.max_sessions:
            raise AtCapacity
        if self._crowded():
            raise AtCapacity("recognition is behind; more sessions would slow down those that are open")
        if self.loop_lag_s * 1000 > self._options.max_loop_lag_ms:
            raise AtCapacity("the gateway is behind; more sessions would slow down those that are open")

    def check_rush(self) -> None:
        """Raises AtCapacity when too many come at once."""
        if not self._accepts.holds(time.monotonic()):
            raise AtCapacity("too many clients connect at once")

    def take(self) -> None:
        """One is let in."""
        self._accepts.take()

    def retry_after_ms(self, error: VoicegwError, *, queues: bool = True) -> int:
        """When to come back after `error`. Each who asks is given a later place in the queue, at the rate at
        which sessions can be opened, unless the error says when or it `queues` for nothing; and some chance
        beside."""
        least_s = (error.retry_after_ms or RETRY_AFTER_MS) / 1000
        now = time.monotonic()
        if queues and error.retry_after_ms is None:
            place_at = max(self._returns_at, now + least_s) + 1 / self._options.accepts_per_s
            self._returns_at = min(place_at, now + _MAX_RETRY_S)
            least_s = self._returns_at - now
        return round(1000 * least_s * (1 + random.random() / 4))

    @property
    def loop_lag_s(self) -> float:
        """How late the event loop gets to things, on the mean of about the last second."""
        return self._lag.mean_s(time.monotonic())

    def observe_lag(self, late_s: float, now: float) -> None:
        """The event loop got to something so late, at a monotonic second."""
        self._lag.observe(late_s, now)


class TokenBucket:
    """Fills at a rate, up to what it holds; monotonic seconds are passed in."""

    __slots__ = ("_burst", "_filled_at", "_level", "_per_s")  # every connection has one

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._level = burst
        self._filled_at = float("-inf")

    def holds(self, now: float) -> bool:
        """Whether one can be taken."""
        return self.wait_s(now) <= 0

    def wait_s(self, now: float) -> float:
        """Until one can be taken."""
        if now > self._filled_at:
            self._level = min(self._burst, self._level + (now - self._filled_at) * self._per_s)
            self._filled_at = now
        return max(0.0, (1 - self._level) / self._per_s)

    def take(self, count: int = 1) -> None:
        """Takes so many, there or not; what is not there is owed."""
        self._level -= count
