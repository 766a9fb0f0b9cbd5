"""Who is let in: a connection is refused before the upgrade when the server is stopping, not warm yet, full,
or behind with its work."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from voicegw.core.load import WaitMeter
from voicegw.core.options import option
from voicegw.errors import AtCapacity, Draining, NotReady

_LOOP_CHECK_S = 0.05


@dataclass(frozen=True, slots=True)
class AdmissionOptions:
    """How much to take on."""

    max_sessions: int = option(500, "sessions held at once; more are refused with 503", ge=1)
    max_loop_lag_ms: int = option(100, "mean delay of the event loop from which sessions are refused", ge=1)


class Admission:
    """`ready` and `crowded` tell of the recogniser: whether it is warm, and whether it is behind."""

    def __init__(
        self, options: AdmissionOptions, ready: Callable[[], bool], crowded: Callable[[], bool]
    ) -> None:
        self.draining = False
        self._options = options
        self._ready = ready
        self._crowded = crowded
        self._lag = WaitMeter()

    def check_ready(self) -> None:
        """Raises Draining or NotReady unless the server takes sessions at all."""
        if self.draining:
            raise Draining
        if not self._ready():
            raise NotReady

    def check(self, sessions: int) -> None:
        """Raises Draining, NotReady or AtCapacity unless one more than `sessions` may be opened now."""
        self.check_ready()
        if sessions >= self._options.max_sessions:
            raise AtCapacity
        if self._crowded():
            raise AtCapacity("recognition is behind; more sessions would slow down those that are open")
        if self.loop_lag_s * 1000 > self._options.max_loop_lag_ms:
            raise AtCapacity("the gateway is behind; more sessions would slow down those that are open")

    @property
    def loop_lag_s(self) -> float:
        """How late the event loop gets to things, on the mean of about the last second."""
        return self._lag.mean_s(time.monotonic())

    async def watch_loop(self) -> None:
        """Measures the event loop's lag until cancelled."""
        while True:
            due = time.monotonic() + _LOOP_CHECK_S
            await asyncio.sleep(_LOOP_CHECK_S)
            now = time.monotonic()
            self._lag.observe(now - due, now)
