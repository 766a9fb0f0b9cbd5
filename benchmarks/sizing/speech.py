"""How people talk: utterances with words and pauses, drawn from measured distributions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from random import Random

from benchmarks.measures import spread
from benchmarks.sizing.measured_figures import PERCENTS, Measured
from clients.samples import Utterance

_LEAST_BETWEEN_S = 0.1


@dataclass(frozen=True)
class Speech:
    """One utterance; times in seconds from its start. word_ends: in order. pauses: where each silence
    begins and ends that is long enough for a final decode; the last one is the silence after the
    utterance."""

    word_ends: Sequence[float]
    pauses: Sequence[tuple[float, float]]


class Talker:
    """Draws utterances and the silences between them."""

    def __init__(self, measured: Measured, talk: float, random: Random) -> None:
        """talk: the share of the time in which a caller speaks, above 0, at most 1."""
        self._length = measured.quantiles("utterance")
        self._pause = measured.quantiles("pause")
        self._word_s = 1 / measured["words_per_speech_s"]
        every_s = 1 / measured["pauses_per_speech_s"]
        self._between_pauses_s = max(_LEAST_BETWEEN_S, every_s - self._pause.mean)
        self._silence_s = self._length.mean * (1 / talk - 1)
        self.random = random

    def silence_s(self) -> float:
        """The time until the next utterance, exponential: callers are independent of each other."""
        return self.random.expovariate(1 / self._silence_s) if self._silence_s else 0.0

    def utterance(self) -> Speech:
        """The next utterance, with words at the measured rate."""
        seconds = self._length.draw(self.random)
        pauses = list(self._pauses(seconds))
        count = max(1, round(seconds / self._word_s))
        word_ends = [seconds * (number + 1) / count for number in range(count)]
        return Speech(word_ends, [*pauses, (seconds, inf)])

    def _pauses(self, seconds: float) -> Iterator[tuple[float, float]]:
        """At random places, never at the end."""
        at = self.random.expovariate(1 / self._between_pauses_s)
        while at < seconds - (length := self._pause.draw(self.random)):
            yield at, at + length
            at += length + self.random.expovariate(1 / self._between_pauses_s)


def speech_figures(utterances: Sequence[Utterance], pause_ms: int) -> dict[str, float]:
    """The distributions that Talker draws from. pause_ms: the least silence that counts as a pause."""
    lengths = [said.end_ms - said.start_ms for said in utterances]
    gaps = [after.start_ms - before.end_ms for said in utterances for before, after in pairwise(said.words)]
    pauses = [gap for gap in gaps if gap >= pause_ms]
    seconds = sum(lengths) / 1000
    return {
        **spread("utterance", lengths, PERCENTS),
        **spread("pause", pauses or [pause_ms], PERCENTS),
        "words_per_speech_s": sum(len(said.words) for said in utterances) / seconds,
        "pauses_per_speech_s": max(1, len(pauses)) / seconds,
    }
