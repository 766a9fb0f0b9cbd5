"""The measures of a run, the same for every server.

A session's whole transcript is aligned with its whole reference, since the servers cut it differently.
Latencies are in ms from the schedule of the audio; words that ended before the warm-up was over, and
their utterances, count for the word errors only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measures import (
    WordErrors,
    emission,
    matches,
    percentile,
    unstable_words,
    word_errors,
)
from benchmarks.peers.playing import PlayedSession
from benchmarks.recording import Update
from clients.conversation import normalised
from clients.samples import Utterance

SLO_WEL_P95_MS = 1000.0
SLO_COVERAGE_POINTS = 10.0  # loss of words under load at which latency has no meaning


@dataclass(frozen=True)
class Run:
    """Some sessions at once with one server, and the CPU time that its processes used meanwhile.

    warm_up_ms: of each session, is left out of the latencies. end_silence_ms: of the server's
    configuration; None when it has no such option. elsewhere_cores: that the machine's other processes kept
    busy meanwhile, beside the server and the client.
    """

    sessions: tuple[PlayedSession, ...]
    cpu_s: float
    warm_up_ms: int
    end_silence_ms: int | None = None
    elsewhere_cores: float = 0.0


@dataclass(frozen=True)
class Measured:
    """One session's part in the figures.

    words_ms: per recognised word, from its end until it stood in its final place. finished_ms: per
    utterance, from its end until its last recognised word was in finished text. unfinished: utterances of
    which that cannot be said.
    """

    words_ms: tuple[float, ...]
    finished_ms: tuple[float, ...]
    unfinished: int
    errors: WordErrors
    unstable: int
    final_words: int


@dataclass(frozen=True)
class _Place:
    """The position of a word in the transcript."""

    part: int
    position: int


def measure(played: PlayedSession, warm_up_ms: int = 0) -> Measured:
    """The measures of a session."""
    said = [
        (word, spoken, number)
        for number, utterance in enumerate(played.track.utterances)
        for spoken in utterance.words
        for word in normalised(spoken.word)
    ]
    places = [_Place(part, at) for part, ups in enumerate(played.parts) for at in range(len(ups[-1].words))]
    transcript = [played.parts[place.part][-1].words[place.position] for place in places]
    reference = [word for word, _, _ in said]
    words_ms: list[float] = []
    last_word: dict[int, _Place] = {}
    for at_said, at_recognised in matches(reference, transcript):
        _, spoken, number = said[at_said]
        place = places[at_recognised]
        last_word[number] = place
        if spoken.end_ms >= warm_up_ms:
            first_s, _ = emission(played.parts[place.part], place.position)
            words_ms.append(1000 * (first_s - played.scheduled_s(spoken.end_ms)))
    counted = [(n, one) for n, one in enumerate(played.track.utterances) if one.end_ms >= warm_up_ms]
    finished = [_finished_ms(played, one, last_word.get(number)) for number, one in counted]
    return Measured(
        words_ms=tuple(words_ms),
        finished_ms=tuple(ms for ms in finished if ms is not None),
        unfinished=finished.count(None),
        errors=word_errors(reference, transcript),
        unstable=sum(unstable_words(updates) for updates in played.parts),
        final_words=len(transcript),
    )


def _finished_ms(played: PlayedSession, utterance: Utterance, place: _Place | None) -> float | None:
    if place is None:
        return None
    updates = played.parts[place.part]
    finished = [Update(update.at_s, update.stable) for update in updates]
    if finished[-1].words[place.position : place.position + 1] != [updates[-1].words[place.position]]:
        return None
    first_s, _ = emission(finished, place.position)
    return 1000 * (first_s - played.scheduled_s(utterance.end_ms))


def figures(runs: Sequence[Run]) -> dict[str, float]:
    """The figures of one or more runs, pooled."""
    sessions = [played for run in runs for played in run.sessions]
    measured = [measure(played, run.warm_up_ms) for run in runs for played in run.sessions]
    words_ms = [ms for one in measured for ms in one.words_ms]
    finished_ms = [ms for one in measured for ms in one.finished_ms]
    errors = sum((one.errors for one in measured), WordErrors())
    final_words = sum(one.final_words for one in measured)
    end_silence_ms = runs[0].end_silence_ms if runs[0].end_silence_ms is not None else math.nan
    audio_s = sum(played.track.duration_ms for played in sessions) / 1000
    return {
        "wel_p50_ms": percentile(words_ms, 50),
        "wel_p95_ms": percentile(words_ms, 95),
        "fl_p50_ms": percentile(finished_ms, 50),
        "fl_p95_ms": percentile(finished_ms, 95),
        "excess_fl_p50_ms": percentile(finished_ms, 50) - end_silence_ms,
        "excess_fl_p95_ms": percentile(finished_ms, 95) - end_silence_ms,
        "unfinished": sum(one.unfinished for one in measured),
        "upwr": sum(one.unstable for one in measured) / final_words if final_words else math.nan,
        "wer_percent": errors.percent,
        "coverage_percent": 100 * errors.hits / errors.reference if errors.reference else math.nan,
        "cpu_s_per_audio_s": sum(run.cpu_s for run in runs) / audio_s,
        "troubles": sum(len(played.problems) for played in sessions),
        "elsewhere_cores": sum(run.elsewhere_cores for run in runs) / len(runs),
        "client_late_max_ms": 1000 * max(played.latest_send_s for played in sessions),
    }


def holds(found: dict[str, float], one_stream: dict[str, float]) -> bool:
    """Whether a run met the objective: words in time, none lost under load, no errors."""
    return (
        found["wel_p95_ms"] <= SLO_WEL_P95_MS
        and found["coverage_percent"] >= one_stream["coverage_percent"] - SLO_COVERAGE_POINTS
        and found["troubles"] == 0
    )
