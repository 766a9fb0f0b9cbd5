"""What callers noticed of a simulated installation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isnan

import numpy as np

from benchmarks.measures import percentile

WORD_P95_S, FINAL_P95_S = 1.0, 0.5  # the objective, as in scripts/bench capacity


@dataclass
class Log:
    """Latencies in seconds; those of words with the time at which they were known."""

    word_at: list[float] = field(default_factory=list)
    word_s: list[float] = field(default_factory=list)
    final_s: list[float] = field(default_factory=list)
    lost_word_s: list[float] = field(default_factory=list)

    def clear(self) -> None:
        """Forgets all of them."""
        for known in (self.word_at, self.word_s, self.final_s, self.lost_word_s):
            known.clear()

    def word(self, at: float, latency_s: float, lost: bool) -> None:
        """A word was shown, so long after it was said. lost: its caller's gateway or shard was lost
        before."""
        self.word_at.append(at)
        self.word_s.append(latency_s)
        if lost:
            self.lost_word_s.append(latency_s)

    def final(self, latency_s: float) -> None:
        """A final came, so long after the end silence."""
        self.final_s.append(latency_s)


@dataclass(frozen=True)
class Outcome:
    """word_*, final_*: latencies, a final's beyond the end silence. worker_share: of the time, how much
    workers decode. word_p95_by_second_s: of the words shown in each second; NaN where there are none.
    lost_words, lost_word_p95_s: the words that callers waited for while their gateway or shard was lost.
    """

    word_p50_s: float
    word_p95_s: float
    final_p95_s: float
    worker_share: float
    jobs_per_s: float
    mean_batch: float
    word_p95_by_second_s: Sequence[float] = ()
    lost_words: int = 0
    lost_word_p95_s: float = float("nan")

    def worst_second_s(self, since: int = 0) -> float:
        """The highest p95 of the words of one second, from the second `since` on."""
        return float(np.nanmax(self.word_p95_by_second_s[since:]))

    def late_seconds(self, since: int = 0) -> int:
        """In how many seconds the p95 of words is beyond the objective."""
        return sum(p95_s > WORD_P95_S for p95_s in self.word_p95_by_second_s[since:])

    @property
    def in_time(self) -> bool:
        """Whether the objective is met."""
        return self.lateness <= 1

    @property
    def lateness(self) -> float:
        """The p95 of words or finals over the objective, whichever is later; infinite where there are
        none."""
        found = max(self.word_p95_s / WORD_P95_S, self.final_p95_s / FINAL_P95_S)
        return inf if isnan(found) else found


def p95_by_second(at: Sequence[float], latency_s: Sequence[float], seconds: int) -> list[float]:
    """The p95 of the latencies that were known in each second; NaN where there are none."""
    second, known = np.floor(at).astype(int), np.asarray(latency_s)
    return [percentile(known[second == number], 95) for number in range(seconds)]
