"""The word errors of a stream and of the offline pass of the same model.

Errors are counted over whole recordings: all finals joined, against the whole transcript.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.figures import Played
from benchmarks.measures import WordErrors, word_errors
from benchmarks.recording import Recording, turns_of
from benchmarks.recordings.material import Material, Recorded, print_progress
from benchmarks.recordings.wording import words_of

MEANINGS = {
    "wer_percent": "all finals of a recording against its text, normalised",
    "wer_worst_session_percent": "the worst recording's",
    "wer_offline_percent": "stock faster-whisper on whole recordings: padded, beam 5",
    "empty_recordings": "recordings without streamed words, although the offline pass has some",
    "made_up_words_per_minute": "streamed words a minute without speech",
    "made_up_words_offline_per_minute": "the same of the offline pass",
}


@dataclass(frozen=True)
class Transcribed:
    """A recording, and its text by a stream and by an offline pass."""

    recorded: Recorded
    streamed: str
    offline: str

    @cached_property
    def errors(self) -> WordErrors:
        """Of the stream."""
        return self._errors(self.streamed)

    @cached_property
    def offline_errors(self) -> WordErrors:
        """Of the offline pass."""
        return self._errors(self.offline)

    @property
    def is_empty(self) -> bool:
        """Whether only the stream has no words of a recording with speech."""
        return self.recorded.is_speech and bool(self._words(self.offline)) and not self._words(self.streamed)

    def _errors(self, text: str) -> WordErrors:
        return word_errors(self._words(self.recorded.text), self._words(text))

    def _words(self, text: str) -> list[str]:
        return words_of(text, self.recorded.language)


def streamed_text(recording: Recording) -> str:
    """All the finals of a session."""
    return " ".join(turn.final.text for turn in turns_of(recording) if turn.final is not None).strip()


def transcribed_of(material: Material, played: Sequence[Played]) -> list[Transcribed]:
    """The texts of the streamed material; its offline pass runs now, unless it is cached."""
    recorded = {one.file: one for one in material.recorded}
    transcribed = []
    for number, one in enumerate(played, 1):
        print_progress(f"offline pass of {number} / {len(played)}")
        known = recorded[one.sample.file]
        transcribed.append(Transcribed(known, streamed_text(one.recording), material.offline_text(known)))
    return transcribed


def figures(transcribed: Sequence[Transcribed]) -> dict[str, float]:
    """The figures of all, and word error rates of each kind and, of several languages, of each."""
    scored = [one for one in transcribed if one.recorded.is_scored]
    errors = _pooled(one.errors for one in scored)
    without_speech = [one for one in transcribed if not one.recorded.is_speech]
    return {
        **_rates("", scored),
        "wer_worst_session_percent": max((one.errors.percent for one in scored), default=float("nan")),
        "insertions": errors.insertions,
        "deletions": errors.deletions,
        "substitutions": errors.substitutions,
        "empty_recordings": sum(one.is_empty for one in transcribed),
        "made_up_words_per_minute": _per_minute(without_speech, [one.streamed for one in without_speech]),
        "made_up_words_offline_per_minute": _per_minute(
            without_speech, [one.offline for one in without_speech]
        ),
        **_of_groups(scored, [one.recorded.kind for one in scored]),
        **_of_groups(scored, [one.recorded.language for one in scored]),
    }


def _pooled(errors: Iterable[WordErrors]) -> WordErrors:
    return sum(errors, WordErrors())


def _rates(group: str, transcribed: Sequence[Transcribed]) -> dict[str, float]:
    streamed = _pooled(one.errors for one in transcribed).percent
    offline = _pooled(one.offline_errors for one in transcribed).percent
    return {
        f"wer_{group}percent": streamed,
        f"wer_offline_{group}percent": offline,
        f"wer_gap_{group}points": streamed - offline,
    }


def _of_groups(transcribed: Sequence[Transcribed], groups: Sequence[str]) -> dict[str, float]:
    """The rates of each group, if there are several."""
    names = sorted(set(groups))
    found: dict[str, float] = {}
    for name in names if len(names) > 1 else ():
        own = [one for one, group in zip(transcribed, groups, strict=True) if group == name]
        found |= _rates(f"{name}_", own)
    return found


def _per_minute(without_speech: Sequence[Transcribed], texts: Sequence[str]) -> float:
    minutes = sum(one.recorded.duration_ms for one in without_speech) / 60_000
    return sum(len(words_of(text, "en")) for text in texts) / minutes if minutes else float("nan")


def write_texts(transcribed: Sequence[Transcribed], file: Path) -> None:
    """Write the transcripts and texts, a JSON object a line, most errors of the stream first."""
    lines = sorted(map(_line, transcribed), key=lambda line: -float(line["errors"]))
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def _line(transcribed: Transcribed) -> dict[str, Any]:
    streamed, offline = transcribed.errors, transcribed.offline_errors
    return {
        "file": transcribed.recorded.name,
        "kind": transcribed.recorded.kind,
        "language": transcribed.recorded.language,
        "errors": streamed.insertions + streamed.deletions + streamed.substitutions,
        "offline_errors": offline.insertions + offline.deletions + offline.substitutions,
        "said": transcribed.recorded.text,
        "streamed": transcribed.streamed,
        "offline": transcribed.offline,
    }
