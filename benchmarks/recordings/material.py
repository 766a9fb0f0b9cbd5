"""Recordings as the benchmarks play them: chosen by flags, with the times of their words, by telephone if
wanted.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import soundfile

from benchmarks.recordings.alignment import spoken_words, utterances
from benchmarks.recordings.manifest import MANIFEST, Entry, ManifestError, chosen, read_entries
from benchmarks.recordings.stock import StockModel, read_audio
from benchmarks.recordings.wording import UNSPACED
from benchmarks.tracks import sessions
from clients.samples import Sample
from models.training.augment import telephone
from voicegw.asr.weights import locate
from voicegw.asr.whisper import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE

DEFAULT_LANGUAGE = "en"  # of the offline pass where nobody speaks
DENSE_SHARE = 0.6  # of a recording: said, pauses between words included


class Recorded(Sample, frozen=True, kw_only=True):
    """A recording as it is played. name: of the file, as the manifest has it. is_scored: whether word errors
    are counted by its text."""

    name: str
    text: str
    kind: str
    is_speech: bool
    is_scored: bool


@dataclass(frozen=True)
class Material:
    """The recordings, and the model that a stream of them is held against."""

    recorded: Sequence[Recorded]
    model: StockModel

    def offline_text(self, recorded: Recorded) -> str:
        """What the model hears in a recording without streaming."""
        return self.model.text_of(recorded.path, recorded.language or DEFAULT_LANGUAGE)


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """`--recordings DIR` and what chooses among them."""
    add = parser.add_argument_group("a user's own recordings").add_argument
    add("--recordings", type=Path, metavar="DIR", help="play these; scripts/bench recordings says how")
    add("--manifests", nargs="+", default=[MANIFEST], metavar="NAME", help="in DIR (default: %(default)s)")
    add("--kinds", nargs="+", default=[], metavar="KIND", help="of the recordings, these (default: all)")
    add("--languages", nargs="+", default=[], metavar="CODE", help="likewise")
    add("--per-kind", type=int, metavar="N", help="so many of each kind in each language")
    add("--phone", action="store_true", help="as by telephone: 300 to 3400 Hz, 8 kHz, mu-law")
    add("--align-model", metavar="MODEL", help="which tells when words are said (default: as --model)")


def add_texts(parser: argparse.ArgumentParser) -> None:
    """`--texts FILE`."""
    parser.add_argument(
        "--texts",
        type=Path,
        metavar="FILE",
        help="of recordings: write what was said and heard here, a JSON object a line",
    )


def about_recordings(options: argparse.Namespace) -> dict[str, object]:
    """What a result says of the recordings, if there are any; not where they are."""
    if options.recordings is None:
        return {}
    kept = ("manifests", "kinds", "languages", "per_kind", "phone", "align_model")
    return {name: getattr(options, name) for name in kept if getattr(options, name)}


@contextmanager
def material(options: argparse.Namespace, model: WhisperOptions) -> Iterator[Material]:
    """What the flags choose. Raises ClientError and ModelUnavailable."""
    directory: Path = options.recordings
    entries = read_entries(directory, options.manifests)
    entries = chosen(entries, options.kinds, options.languages, options.per_kind)
    aligner = StockModel(locate(options.align_model or model.model), model)
    with tempfile.TemporaryDirectory() as scratch:
        recorded: list[Recorded] = []
        for number, entry in enumerate(entries, 1):
            tell(f"words of {number} / {len(entries)}: {entry.file}")
            found = _recorded(directory, entry, aligner)
            if options.phone:
                file = Path(scratch) / f"{number}.flac"
                soundfile.write(file, telephone(read_audio(found.path)), SAMPLE_RATE)
                found = msgspec.structs.replace(found, file=str(file), condition="phone")
            recorded.append(found)
        yield Material(recorded, StockModel(locate(model.model), model))


@contextmanager
def speech(options: argparse.Namespace, model: WhisperOptions) -> Iterator[Sequence[Sample]]:
    """What speakers say who never stop: the flags' recordings, or the sample sessions. Raises ClientError
    and ModelUnavailable."""
    if options.recordings is None:
        yield sessions()
    else:
        with material(options, model) as found:
            yield dense(found.recorded)


def dense(recorded: Sequence[Recorded]) -> list[Recorded]:
    """Recordings with little silence, the longest first, in the language that most are in. Raises
    ManifestError when there are none."""
    found = [one for one in recorded if _said_ms(one) > DENSE_SHARE * one.duration_ms]
    if not found:
        raise ManifestError("no recordings in which words are found and people speak most of the time")
    [(language, _)] = Counter(one.language for one in found).most_common(1)
    return sorted((one for one in found if one.language == language), key=lambda one: -one.duration_ms)


def _said_ms(recorded: Recorded) -> int:
    return sum(said.end_ms - said.start_ms for said in recorded.utterances)


def _recorded(directory: Path, entry: Entry, aligner: StockModel) -> Recorded:
    path = (directory / entry.file).resolve()
    is_scored = entry.is_speech and entry.wer_ok
    has_words = is_scored and entry.lang not in UNSPACED  # a word is what stands between blanks
    words = spoken_words(path, entry.text, entry.lang, aligner) if has_words else ()
    return Recorded(
        file=str(path),
        condition="clean",
        duration_ms=round(1000 * soundfile.info(path).duration),
        utterances=utterances(words),
        language=entry.lang if entry.is_speech else "",
        name=entry.file,
        text=entry.text,
        kind=entry.kind,
        is_speech=entry.is_speech,
        is_scored=is_scored,
    )


def tell(progress: str) -> None:
    """How far it is, to whoever waits for minutes."""
    print(progress, file=sys.stderr, flush=True)
