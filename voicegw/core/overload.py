"""What recognition does when it is behind: from one mean wait of partials on no more sessions are admitted,
from a longer one on no partials are decoded, so that finals stay on time.

All times are seconds, `now` is monotonic.
"""

from collections.abc import Callable
from dataclasses import dataclass

from voicegw.core.jobs import DecodeJob, DecodeKind, Shed
from voicegw.core.options import option
from voicegw.core.wait_time import AverageWait


@dataclass(frozen=True, slots=True)
class OverloadOptions:
    """The two steps."""

    overload_wait_ms: int = option(600, "mean wait of partials from which no session is let in", ge=1)
    shed_wait_ms: int = option(1500, "mean wait of partials from which none are decoded", ge=1)


class Overload:
    """`next_wait_s` gives the wait so far of the partial that is next: without it the mean would decay while
    no partial has its turn. `count_shed` is called for each partial that is not decoded."""

    def __init__(
        self,
        options: OverloadOptions,
        next_wait_s: Callable[[float], float],
        count_shed: Callable[[], object],
    ) -> None:
        self._options = options
        self._next_wait_s = next_wait_s
        self._count_shed = count_shed
        self._average = AverageWait()

    def observe(self, wait_s: float, now: float) -> None:
        """A partial had its turn after this wait."""
        self._average.observe(wait_s, now)

    def wait_s(self, now: float) -> float:
        """The mean wait of partials, or the wait so far of the next one if that is longer."""
        return max(self._average.mean_s(now), self._next_wait_s(now))

    def overloaded(self, now: float) -> bool:
        """Whether more sessions would delay the partials of those that are open."""
        return self.wait_s(now) * 1000 >= self._options.overload_wait_ms

    def check(self, job: DecodeJob, now: float) -> None:
        """Raises Shed for a partial that is not to be decoded."""
        if job.kind is DecodeKind.PARTIAL and self.wait_s(now) * 1000 >= self._options.shed_wait_ms:
            self._count_shed()
            raise Shed
