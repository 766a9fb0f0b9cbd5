"""How right a stream's text is, beside the offline pass of the same model.

Errors are counted over whole recordings: all finals joined against all that is said.
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
from benchmarks.recordings.material import Material, Recorded, tell
from benchmarks.recordings.wording import words_of

MEANINGS = {
    "wer_percent": "all finals of a recording against its text, normalised",
    "wer_worst_session_percent": "the worst recording's",
    "wer_offline_percent": "stock faster-whisper on whole recordings: padded, beam 5",
    "empty_recordings": "no words streamed, though the offline pass has some",
    "made_up_words_per_minute": "streamed where nobody speaks",
    "made_up_words_offline_per_minute": "of the offline pass there",
}


@dataclass(frozen=True)
class Heard:
    """A recording, and what a stream and an offline pass made of it."""

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
        """Whether the stream alone has no words of somebody who speaks."""
        return self.recorded.is_speech and bool(self._words(self.offline)) and not self._words(self.streamed)

    def _errors(self, text: str) -> WordErrors:
        return word_errors(self._words(self.recorded.text), self._words(text))

    def _words(self, text: str) -> list[str]:
        return words_of(text, self.recorded.language)


def streamed_text(recording: Recording) -> str:
    """All the finals of a session."""
    return " ".join(turn.final.text for turn in turns_of(recording) if turn.final is not None).strip()


def heard_of(material: Material, played: Sequence[Played]) -> list[Heard]:
    """What became of the material that was played; its offline pass is made now, if it is not known yet."""
    recorded = {one.file: one for one in material.recorded}
    heard = []
    for number, one in enumerate(played, 1):
        tell(f"offline pass of {number} / {len(played)}")
        known = recorded[one.sample.file]
        heard.append(Heard(known, streamed_text(one.recording), material.offline_text(known)))
    return heard


def figures(heard: Sequence[Heard]) -> dict[str, float]:
    """The figures of all, and word error rates of each kind and, of several languages, of each."""
    scored = [one for one in heard if one.recorded.is_scored]
    errors = _pooled(one.errors for one in scored)
    nobody = [one for one in heard if not one.recorded.is_speech]
    return {
        **_rates("", scored),
        "wer_worst_session_percent": max((one.errors.percent for one in scored), default=float("nan")),
        "insertions": errors.insertions,
        "deletions": errors.deletions,
        "substitutions": errors.substitutions,
        "empty_recordings": sum(one.is_empty for one in heard),
        "made_up_words_per_minute": _per_minute(nobody, [one.streamed for one in nobody]),
        "made_up_words_offline_per_minute": _per_minute(nobody, [one.offline for one in nobody]),
        **_of_groups(scored, [one.recorded.kind for one in scored]),
        **_of_groups(scored, [one.recorded.language for one in scored]),
    }


def _pooled(errors: Iterable[WordErrors]) -> WordErrors:
    return sum(errors, WordErrors())


def _rates(group: str, heard: Sequence[Heard]) -> dict[str, float]:
    streamed = _pooled(one.errors for one in heard).percent
    offline = _pooled(one.offline_errors for one in heard).percent
    return {
        f"wer_{group}percent": streamed,
        f"wer_offline_{group}percent": offline,
        f"wer_gap_{group}points": streamed - offline,
    }


def _of_groups(heard: Sequence[Heard], groups: Sequence[str]) -> dict[str, float]:
    """The rates of each group, if there are several."""
    names = sorted(set(groups))
    found: dict[str, float] = {}
    for name in names if len(names) > 1 else ():
        own = [one for one, group in zip(heard, groups, strict=True) if group == name]
        found |= _rates(f"{name}_", own)
    return found


def _per_minute(nobody: Sequence[Heard], texts: Sequence[str]) -> float:
    minutes = sum(one.recorded.duration_ms for one in nobody) / 60_000
    return sum(len(words_of(text, "en")) for text in texts) / minutes if minutes else float("nan")


def write_texts(heard: Sequence[Heard], file: Path) -> None:
    """What was said and heard, a JSON object a line, most errors of the stream first."""
    lines = sorted(map(_line, heard), key=lambda line: -float(line["errors"]))
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def _line(heard: Heard) -> dict[str, Any]:
    streamed, offline = heard.errors, heard.offline_errors
    return {
        "file": heard.recorded.name,
        "kind": heard.recorded.kind,
        "language": heard.recorded.language,
        "errors": streamed.insertions + streamed.deletions + streamed.substitutions,
        "offline_errors": offline.insertions + offline.deletions + offline.substitutions,
        "said": heard.recorded.text,
        "streamed": heard.streamed,
        "offline": heard.offline,
    }
