"""The manifest of a directory with recordings: a JSON object a line, one for each recording.

  file     the sound file, relative to the directory; whatever libsndfile reads
  text     what is said in it
  lang     ISO 639-1 code of the language; `xx` without speech
  kind     the user's own grouping, such as read or telephone; `nonspeech` has no speech
  wer_ok   optional, true if left out: the text is exact enough to count word errors by

Other fields are ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clients.errors import ClientError

MANIFEST = "manifest.jsonl"
NONSPEECH, NO_LANGUAGE = "nonspeech", "xx"


class ManifestError(ClientError):
    """A manifest that cannot be used."""


class Entry(msgspec.Struct, frozen=True):
    """A recording as a line of the manifest describes it."""

    file: str
    kind: str
    lang: str
    text: str = ""
    wer_ok: bool = True

    @property
    def is_speech(self) -> bool:
        """Whether it has speech."""
        return self.kind != NONSPEECH and self.lang != NO_LANGUAGE


@dataclass(frozen=True)
class Line:
    """Where an entry stands, and the entry, or what is wrong with the line."""

    place: str
    entry: Entry | None = None
    problem: str = ""


def read_lines(directory: Path, manifests: Sequence[str] = (MANIFEST,)) -> list[Line]:
    """The lines of the manifests. Raises ManifestError when one of these cannot be read."""
    lines: list[Line] = []
    for name in manifests:
        try:
            texts = (directory / name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestError(f"{name} cannot be read: {error}") from error
        lines += [_read(f"{name}:{number}", text) for number, text in enumerate(texts, 1) if text.strip()]
    return lines


def _read(place: str, text: str) -> Line:
    try:
        return Line(place, msgspec.json.decode(text, type=Entry))
    except msgspec.MsgspecError as error:
        return Line(place, problem=str(error))


def read_entries(directory: Path, manifests: Sequence[str] = (MANIFEST,)) -> list[Entry]:
    """The entries of the manifests. Raises ManifestError when a line is wrong, or when there is none."""
    lines = read_lines(directory, manifests)
    for line in lines:
        if line.entry is None:
            raise ManifestError(f"{line.place}: {line.problem}")
    if not lines:
        raise ManifestError(f"{', '.join(manifests)}: no recordings")
    return [line.entry for line in lines if line.entry is not None]


def chosen(
    entries: Sequence[Entry], kinds: Sequence[str], languages: Sequence[str], limit: int | None
) -> list[Entry]:
    """The entries of these kinds and languages (of all, where none is named), at most `limit` of each kind
    in each language. Raises ManifestError when none is left."""
    counts: dict[tuple[str, str], int] = {}
    kept = []
    for entry in entries:
        group = entry.kind, entry.lang
        wanted = (not kinds or entry.kind in kinds) and (not languages or entry.lang in languages)
        if wanted and (limit is None or counts.get(group, 0) < limit):
            counts[group] = counts.get(group, 0) + 1
            kept.append(entry)
    if not kept:
        raise ManifestError("no recordings of these kinds and languages")
    return kept
