"""The named figures of the latency benchmark, pooled from recordings and references.

Percentiles are over all words, or all turns, of all sessions together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.measures import WordErrors, spread
from benchmarks.recording import Recording, lost_samples, turns_of
from benchmarks.segments import Segment, accuracy, segments, timings
from clients.samples import Sample, SpokenWord
from voicegw.dialects import native

MEANINGS = {
    "ttfp_p50_ms": "first words shown, after the onset of speech",
    "first_correct_p50_ms": "first correct word in its place, after the onset of speech",
    "wel_p50_ms": "from the end of a word until it is in its final place",
    "wel_stable_p50_ms": "from the end of a word until it stays there",
    "coverage_percent": "reference words that were recognised, over which word latencies are taken",
    "endpoint_p50_ms": "speech_stopped, after the end of the last word",
    "fl_p50_ms": "final, after the end of the last word",
    "excess_fl_p50_ms": "the same, beyond the configured end silence",
    "settling_p50_ms": "final, after speech_stopped",
    "v2t_p50_ms": "first reply token at the client, after the end of the last word",
    "v2t_less_llm_p50_ms": "the same, without the model endpoint's own first-token time",
    "gateway_overhead_p50_ms": "of that, beyond endpoint and final decode",
    "decode_p50_ms": "the final's decode, as the server reports it",
    "upwr": "partial words changed or removed, by their position, per final word",
    "replaced": "partial words replaced or removed, as the texts are aligned, per final word",
    "upsr": "share of turns with at least one revision",
    "restyled": "partial words changed in case or punctuation only, per final word",
    "stable_retractions": "stable words that changed (contract: 0)",
    "partials_per_turn": "partials shown",
    "wer_percent": "finals against the reference",
    "wer_worst_session_percent": "the worst session's",
    "wer_offline_percent": "the same model on the true utterances, offline",
    "wer_gap_points": "the difference",
    "turns": "turns with a final",
    "missed_words": "reference words outside of every turn",
    "lost_samples": "samples that are neither acknowledged nor covered by a final (contract: 0)",
    "errors": "error messages",
    "client_late_max_ms": "worst lateness of a frame at the client itself",
    "cpu_s_per_audio_s": "CPU seconds of the server and its workers per second of audio",
    "gateway_cpu_s_per_audio_s": "the same without the workers",
}


@dataclass(frozen=True)
class Played:
    """A sample and the recording of its session."""

    sample: Sample
    recording: Recording

    @cached_property
    def compared(self) -> tuple[list[Segment], list[SpokenWord]]:
        """The turns with the words spoken during them, and the words that no turn covers."""
        return segments(self.recording, [word for said in self.sample.utterances for word in said.words])

    @property
    def errors(self) -> WordErrors:
        """The session's word errors; a word outside of every turn is a deletion."""
        found, missed = self.compared
        return sum(
            (accuracy(segment).errors for segment in found),
            WordErrors(deletions=len(missed), reference=len(missed)),
        )


def timing_figures(
    played: Sequence[Played], end_silence_ms: int, llm_first_token_ms: int
) -> dict[str, float]:
    """The latencies, in ms."""
    turns = [timings(segment, llm_first_token_ms) for one in played for segment in one.compared[0]]
    finals = [turn.final for turn in turns if turn.final is not None]
    first_tokens = [turn.first_token for turn in turns if turn.first_token is not None]
    decodes = [turn.latency.decode_ms for one in played for turn in turns_of(one.recording) if turn.latency]
    return {
        **spread("ttfp", (turn.first_words for turn in turns)),
        **spread("first_correct", (turn.first_correct for turn in turns)),
        **spread("wel", [ms for turn in turns for ms in turn.words], (50, 90, 95, 99)),
        **spread("wel_stable", [ms for turn in turns for ms in turn.words_stable]),
        **spread("endpoint", (turn.endpoint for turn in turns)),
        **spread("fl", finals),
        **spread("excess_fl", [ms - end_silence_ms for ms in finals]),
        **spread("settling", (turn.settling for turn in turns)),
        **spread("v2t", first_tokens),
        **spread("v2t_less_llm", [ms - llm_first_token_ms for ms in first_tokens]),
        **spread("gateway_overhead", (turn.overhead for turn in turns)),
        **spread("decode", decodes),
        "client_late_max_ms": 1000 * max(one.recording.latest_send_s for one in played),
    }


def accuracy_figures(played: Sequence[Played]) -> dict[str, float]:
    """Word errors, stability and loss."""
    turns = [accuracy(segment) for one in played for segment in one.compared[0]]
    errors = sum((one.errors for one in played), WordErrors())
    final_words = sum(turn.final_words for turn in turns)
    messages = [item.message for one in played for item in one.recording.received]
    return {
        "upwr": _ratio(sum(turn.unstable for turn in turns), final_words),
        "replaced": _ratio(sum(turn.replaced for turn in turns), final_words),
        "upsr": _ratio(sum(turn.unstable > 0 for turn in turns), len(turns)),
        "restyled": _ratio(sum(turn.restyled for turn in turns), final_words),
        "stable_retractions": sum(turn.retractions for turn in turns),
        "partials_per_turn": _ratio(sum(isinstance(m, native.PartialMessage) for m in messages), len(turns)),
        "coverage_percent": 100 * _ratio(errors.hits, errors.reference),
        "wer_percent": errors.percent,
        "wer_worst_session_percent": max(one.errors.percent for one in played),
        "turns": len(turns),
        "missed_words": sum(len(one.compared[1]) for one in played),
        "lost_samples": sum(lost_samples(one.recording) for one in played),
        "errors": sum(isinstance(message, native.ErrorMessage) for message in messages),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
