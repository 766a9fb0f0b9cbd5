"""A turn of the server with the reference words spoken during it, and the measures of their comparison.

Segmentation by the server's turns keeps each word alignment short, and a split or joined utterance is no word
error. Latencies are in ms, from the *schedule* of the audio, so that delays of a client or a server are
included.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measures import (
    WordErrors,
    emission,
    matches,
    replaced_words,
    restyled_words,
    stable_retractions,
    unstable_words,
    word_errors,
)
from benchmarks.recording import RecordedTurn, Recording, turns_of
from clients.conversation import normalised
from clients.samples import SpokenWord
from voicegw.core.events import EndReason


@dataclass(frozen=True)
class Segment:
    """A turn that has a final, and the reference words spoken during it."""

    recording: Recording
    turn: RecordedTurn
    words: tuple[SpokenWord, ...]

    @property
    def reference(self) -> list[tuple[str, SpokenWord]]:
        """The reference words as they are compared, each with the spoken word it is (a part of)."""
        return [(word, spoken) for spoken in self.words for word in normalised(spoken.word)]


def segments(recording: Recording, words: Sequence[SpokenWord]) -> tuple[list[Segment], list[SpokenWord]]:
    """The session's turns with their words, and the words that no turn covers.

    A word belongs to the turn whose final covers most of it.
    """
    turns = [turn for turn in turns_of(recording) if turn.final is not None]
    held: list[list[SpokenWord]] = [[] for _ in turns]
    missed: list[SpokenWord] = []
    for word in words:
        overlaps = [_overlap_ms(turn, word) for turn in turns]
        longest = max(overlaps, default=0)
        (held[overlaps.index(longest)] if longest > 0 else missed).append(word)
    return [Segment(recording, turn, tuple(own)) for turn, own in zip(turns, held, strict=True)], missed


def _overlap_ms(turn: RecordedTurn, word: SpokenWord) -> int:
    assert turn.final is not None
    return min(turn.final.end_ms, word.end_ms) - max(turn.final.start_ms, word.start_ms)


@dataclass(frozen=True)
class Accuracy:
    """The accuracy and stability of a segment's text, in words."""

    errors: WordErrors
    final_words: int
    unstable: int
    replaced: int
    restyled: int
    retractions: int


def accuracy(segment: Segment) -> Accuracy:
    """The segment's final against the reference, and its updates against each other."""
    updates = segment.turn.updates
    return Accuracy(
        errors=word_errors([word for word, _ in segment.reference], updates[-1].words),
        final_words=len(updates[-1].words),
        unstable=unstable_words(updates),
        replaced=replaced_words(updates),
        restyled=restyled_words(updates),
        retractions=stable_retractions(updates),
    )


@dataclass(frozen=True)
class Timings:
    """A segment's latencies in ms; None where the step did not happen.

    first_words: onset of speech to the first words shown (TTFP); the final counts when there was no partial.
    first_correct: the same to the first correct word in its place. words, words_stable: for each recognised
    word, from its end until it was in its final place (WEL), and until it stayed there. endpoint, final,
    first_token: from the end of the last word to speech_stopped, to final (FL) and to reply_started (V2T),
    for turns that silence ended. settling: from speech_stopped to final. overhead: what V2T has beyond
    endpoint, final decode (as far as that came after the endpoint) and the model endpoint's own first-token
    time, as far as a request made ahead of the endpoint left any of it; None where that time is not known.
    """

    first_words: float | None = None
    first_correct: float | None = None
    words: tuple[float, ...] = ()
    words_stable: tuple[float, ...] = ()
    endpoint: float | None = None
    final: float | None = None
    first_token: float | None = None
    settling: float | None = None
    overhead: float | None = None


def timings(segment: Segment, llm_first_token_ms: float | None) -> Timings:
    """The segment's latencies; none for a turn without words."""
    if not segment.words:
        return Timings()
    turn, recording = segment.turn, segment.recording
    onset_s = recording.scheduled_s(segment.words[0].start_ms)
    emitted = emissions(segment)
    ended = turn.stopped is not None and turn.stopped.reason is EndReason.SILENCE
    end_s = recording.scheduled_s(segment.words[-1].end_ms) if ended else None
    return Timings(
        first_words=_since(onset_s, min((u.at_s for u in turn.updates if u.words), default=None)),
        first_correct=_since(onset_s, min((first_s for _, first_s, _ in emitted), default=None)),
        words=tuple(1000 * (first_s - spoken_s) for spoken_s, first_s, _ in emitted),
        words_stable=tuple(1000 * (settled_s - spoken_s) for spoken_s, _, settled_s in emitted),
        endpoint=_since(end_s, turn.stopped_at_s),
        final=_since(end_s, turn.final_at_s),
        first_token=_since(end_s, turn.first_token_at_s),
        settling=_since(turn.stopped_at_s, turn.final_at_s) if ended else None,
        overhead=_overhead(turn, llm_first_token_ms) if ended else None,
    )


def emissions(segment: Segment) -> list[tuple[float, float, float]]:
    """For each word that was recognised: its end as scheduled, when it was first in its final place, and
    since when it stayed there, in seconds."""
    reference, updates = segment.reference, segment.turn.updates
    return [
        (segment.recording.scheduled_s(reference[said][1].end_ms), *emission(updates, recognised))
        for said, recognised in matches([word for word, _ in reference], updates[-1].words)
    ]


def _since(from_s: float | None, to_s: float | None) -> float | None:
    return None if from_s is None or to_s is None else 1000 * (to_s - from_s)


def _overhead(turn: RecordedTurn, llm_first_token_ms: float | None) -> float | None:
    """From speech_stopped to the first token, without the time of decoding and of the model endpoint."""
    settling, replying = (_since(turn.stopped_at_s, s) for s in (turn.final_at_s, turn.first_token_at_s))
    if settling is None or replying is None or llm_first_token_ms is None:
        return None
    if turn.latency is None or turn.latency.decode_ms is None:
        return None
    latency, decoding = turn.latency, min(settling, turn.latency.decode_ms)
    if latency.speculative and latency.asked_ms is not None and latency.endpoint_ms is not None:
        return replying - max(decoding, latency.asked_ms + llm_first_token_ms - latency.endpoint_ms)
    return replying - decoding - llm_first_token_ms
