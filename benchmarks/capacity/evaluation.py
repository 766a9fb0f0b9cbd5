"""The figures of runs with the same number of streams, and whether they are within the objective.

Latencies are those of the turns said in steady state; loss and errors are those of the whole session. The
lateness of the clients is a figure too: latencies count from the schedule, so a client without enough CPU
makes a server look worse, never better.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.capacity.load import Run
from benchmarks.capacity.speaker import Spoken
from benchmarks.measures import WordErrors, percentile
from benchmarks.recording import Recording, lost_samples
from benchmarks.segments import Segment, accuracy, segments, timings
from clients.samples import SpokenWord
from voicegw.dialects import native

WEL_P95_MS = 1000.0
EXCESS_FL_P95_MS = 500.0
CLIENT_LATE_P99_MS = 20.0  # a whole frame
OTHERS_CPU_PERCENT = 10.0  # of the machine


@dataclass(frozen=True)
class EvaluatedSession:
    """A session and its reference; `from_s` and `to_s` limit the steady state, on the monotonic clock."""

    spoken: Spoken
    recording: Recording
    from_s: float
    to_s: float

    @cached_property
    def turns(self) -> tuple[list[Segment], list[SpokenWord]]:
        """The turns of the whole session with their words, and the words that no turn covers."""
        sent_ms = 1000 * self.recording.sent_samples // self.recording.rate
        words = [word for said in self.spoken.utterances for word in said.words if word.end_ms <= sent_ms]
        return segments(self.recording, words)

    @cached_property
    def compared(self) -> tuple[list[Segment], list[SpokenWord]]:
        """The same, in steady state only."""
        found, missed = self.turns
        steady = [one for one in found if one.words and all(map(self.is_steady, one.words))]
        return steady, [word for word in missed if self.is_steady(word)]

    def is_steady(self, word: SpokenWord) -> bool:
        """Whether the word was said in steady state."""
        begin_s, end_s = map(self.recording.scheduled_s, (word.start_ms, word.end_ms))
        return self.from_s <= begin_s and end_s <= self.to_s

    @property
    def speech_s(self) -> float:
        """The duration of speech in steady state, with pauses between words, without those between
        utterances."""
        spans = (
            (self.recording.scheduled_s(said.start_ms), self.recording.scheduled_s(said.end_ms))
            for said in self.spoken.utterances
        )
        return sum(max(0.0, min(end, self.to_s) - max(begin, self.from_s)) for begin, end in spans)

    @property
    def audio_s(self) -> float:
        """The duration of audio sent in steady state."""
        sent_s = self.recording.sent_samples / self.recording.rate
        begin_s = self.recording.begin_s
        return max(0.0, min(begin_s + sent_s, self.to_s) - max(begin_s, self.from_s))


def figures(runs: Sequence[Run], end_silence_ms: int) -> dict[str, float]:
    """The figures of the runs together. Figures without data are NaN."""
    sessions = [
        EvaluatedSession(one, one.recording, run.from_s, run.to_s)
        for run in runs
        for one in run.spoken
        if one.recording is not None
    ]
    everyone = [one for run in runs for one in run.spoken]
    late_ms = [ms for one in everyone for ms in one.late_ms]
    return {
        **_latencies([turn for one in sessions for turn in one.compared[0]], end_silence_ms),
        "lost_samples": sum(lost_samples(one.recording) for one in sessions),
        "errors": sum(map(_errors, everyone)),
        "refused": sum(one.recording is None and not one.failure for one in everyone),
        "coverage_percent": _coverage_percent(sessions),
        **_costs(runs, sum(one.audio_s for one in sessions)),
        "memory_mb": max(run.memory_bytes for run in runs) / 1e6,
        "client_late_p99_ms": percentile(late_ms, 99),
        "others_cpu_percent": 100
        * _ratio(
            sum(run.cpu.others_s for run in runs), _cores() * sum(run.to_s - run.from_s for run in runs)
        ),
        "speech_percent": 100
        * _ratio(sum(one.speech_s for one in sessions), sum(one.audio_s for one in sessions)),
    }


def _latencies(turns: Sequence[Segment], end_silence_ms: int) -> dict[str, float]:
    timed = [timings(turn, 0) for turn in turns]
    words = [ms for turn in timed for ms in turn.words]
    excess = [turn.final - end_silence_ms for turn in timed if turn.final is not None]
    first_tokens = [turn.first_token for turn in timed if turn.first_token is not None]
    return {
        "wel_p50_ms": percentile(words, 50),
        "wel_p95_ms": percentile(words, 95),
        "excess_fl_p50_ms": percentile(excess, 50),
        "excess_fl_p95_ms": percentile(excess, 95),
        **({"v2t_p95_ms": percentile(first_tokens, 95)} if first_tokens else {}),
    }


def _errors(spoken: Spoken) -> int:
    received = spoken.recording.received if spoken.recording is not None else ()
    return sum(isinstance(item.message, native.ErrorMessage) for item in received) + bool(spoken.failure)


def _coverage_percent(sessions: Sequence[EvaluatedSession]) -> float:
    errors = WordErrors()
    for one in sessions:
        found, missed = one.compared
        unheard = WordErrors(deletions=len(missed), reference=len(missed))
        errors = sum((accuracy(turn).errors for turn in found), errors + unheard)
    return 100 * _ratio(errors.hits, errors.reference)


def _costs(runs: Sequence[Run], audio_s: float) -> dict[str, float]:
    gateway_s = sum(run.cpu.gateway_s for run in runs)
    workers_s = sum(run.cpu.workers_s for run in runs)
    return {
        "cpu_s_per_audio_s": _ratio(gateway_s + workers_s, audio_s),
        "gateway_cpu_s_per_audio_s": _ratio(gateway_s, audio_s),
        "client_cpu_s_per_audio_s": _ratio(sum(run.cpu.clients_s for run in runs), audio_s),
    }


def _cores() -> int:
    return os.cpu_count() or 1


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def shortfalls(found: Mapping[str, float]) -> list[str]:
    """What misses the objective, for a table; empty when it is met. Without words or finals it is not met."""
    late = [
        f"{label} {found[name]:.0f} ms"
        for name, label, limit_ms in (
            ("wel_p95_ms", "word p95", WEL_P95_MS),
            ("excess_fl_p95_ms", "final p95", EXCESS_FL_P95_MS),
        )
        if not found[name] <= limit_ms
    ]
    return late + [
        f"{found[name]:.0f} {label}"
        for name, label in (("lost_samples", "samples lost"), ("errors", "errors"), ("refused", "refused"))
        if found[name]
    ]


def lacks_cpu(found: Mapping[str, float]) -> bool:
    """Whether the clients themselves were late, which adds to the latency."""
    return found["client_late_p99_ms"] > CLIENT_LATE_P99_MS


def is_disturbed(found: Mapping[str, float]) -> bool:
    """Whether other processes used much of the machine."""
    return found["others_cpu_percent"] > OTHERS_CPU_PERCENT


def overload_figures(run: Run, end_silence_ms: int) -> dict[str, float]:
    """The figures of a run beyond the capacity: the sessions that were admitted, and the refusals of all."""
    found = figures([run], end_silence_ms)
    kept = ("wel_p95_ms", "excess_fl_p95_ms", "lost_samples", "errors", "refused", "coverage_percent")
    refusals_ms = [ms for one in run.spoken for ms in one.refusals_ms]
    return {
        "overload_streams": len(run.spoken),
        **{f"overload_{name}": found[name] for name in (*kept, "client_late_p99_ms", "others_cpu_percent")},
        "refusals": len(refusals_ms),
        "refusal_p95_ms": percentile(refusals_ms, 95),
    }
