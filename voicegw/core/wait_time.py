"""How far behind something is, smoothed: the one number that shedding and admission go by."""

from math import exp


class AverageWait:
    """An exponentially weighted mean of waiting times, which fades when nothing is observed any more.

    All values are seconds, `now` is monotonic. The weight of an observation depends on the time since the
    one before it, so that a burst counts no more than its duration.
    """

    def __init__(self, time_constant_s: float = 1.0) -> None:
        self._time_constant_s = time_constant_s
        self._mean_s = 0.0
        self._observed_at = float("-inf")

    def observe(self, wait_s: float, now: float) -> None:
        """Something that was due has been waited for."""
        kept = self._kept(now)
        self._mean_s = kept * self._mean_s + (1 - kept) * wait_s
        self._observed_at = now

    def mean_s(self, now: float) -> float:
        """The mean wait, as of now."""
        return self._mean_s * self._kept(now)

    def _kept(self, now: float) -> float:
        return exp((self._observed_at - now) / self._time_constant_s)
