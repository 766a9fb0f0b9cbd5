"""The smoothed waiting time of a queue, by which load is shed and new sessions are admitted."""

from math import exp


class AverageWait:
    """The exponentially weighted mean of waiting times; it decays to 0 without observations.

    All values are seconds, `now` is monotonic. The weight of an observation grows with the time since the
    previous one, so that a burst has no more weight than its duration.
    """

    def __init__(self, time_constant_s: float = 1.0) -> None:
        self._time_constant_s = time_constant_s
        self._mean_s = 0.0
        self._observed_at = float("-inf")

    def observe(self, wait_s: float, now: float) -> None:
        """Adds the waiting time of one item."""
        kept = self._kept(now)
        self._mean_s = kept * self._mean_s + (1 - kept) * wait_s
        self._observed_at = now

    def mean_s(self, now: float) -> float:
        """The mean waiting time at `now`."""
        return self._mean_s * self._kept(now)

    def _kept(self, now: float) -> float:
        return exp((self._observed_at - now) / self._time_constant_s)
