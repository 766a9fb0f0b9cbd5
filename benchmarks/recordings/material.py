"""Recordings for the benchmarks: chosen by options, with the times of their words, optionally in telephone
quality."""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from benchmarks.recordings.alignment import spoken_words, utterances
from benchmarks.recordings.manifest import MANIFEST, Entry, ManifestError, chosen, read_entries
from benchmarks.recordings.stock import StockModel, read_audio
from benchmarks.recordings.wording import UNSPACED
from benchmarks.tracks import sessions
from clients.audio import read_pcm
from clients.samples import Sample
from models.training.augment import telephone
from voicegw.asr.weights import locate
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE

DEFAULT_LANGUAGE = "en"  # of the offline pass without speech
DENSE_SHARE = 0.6  # of a recording: speech, with pauses between words


class Recorded(Sample, frozen=True, kw_only=True):
    """A recording as it is streamed. name: of the file, as in the manifest. is_scored: whether word errors
    are counted by its text."""

    name: str
    text: str
    kind: str
    is_speech: bool
    is_scored: bool


@dataclass(frozen=True)
class Material:
    """The recordings, and the model for the offline pass."""

    recorded: Sequence[Recorded]
    model: StockModel

    def offline_text(self, recorded: Recorded) -> str:
        """The text of a recording by the model without streaming."""
        return self.model.text_of(recorded.path, recorded.language or DEFAULT_LANGUAGE)


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """`--recordings DIR` and the options that choose among them."""
    add = parser.add_argument_group("a user's own recordings").add_argument
    add(
        "--recordings",
        type=Path,
        metavar="DIR",
        help="stream these; scripts/bench recordings --help describes the format",
    )
    add("--manifests", nargs="+", default=[MANIFEST], metavar="NAME", help="in DIR (default: %(default)s)")
    add("--kinds", nargs="+", default=[], metavar="KIND", help="only these kinds (default: all)")
    add("--languages", nargs="+", default=[], metavar="CODE", help="only these languages (default: all)")
    add("--per-kind", type=int, metavar="N", help="at most N of each kind in each language")
    add("--phone", action="store_true", help="in telephone quality: 300 to 3400 Hz, 8 kHz, mu-law")
    add("--align-model", metavar="MODEL", help="model for the times of words (default: as --model)")


def add_texts(parser: argparse.ArgumentParser) -> None:
    """`--texts FILE`."""
    parser.add_argument(
        "--texts",
        type=Path,
        metavar="FILE",
        help="with --recordings: write the transcripts and texts here, a JSON object a line",
    )


def about_recordings(options: argparse.Namespace) -> dict[str, object]:
    """The options of the recordings for a result, if there are any; without their path."""
    if options.recordings is None:
        return {}
    kept = ("manifests", "kinds", "languages", "per_kind", "phone", "align_model")
    return {name: getattr(options, name) for name in kept if getattr(options, name)}


@contextmanager
def material(options: argparse.Namespace, model: WhisperOptions) -> Iterator[Material]:
    """The recordings that the options choose. Raises ClientError and ModelUnavailable."""
    directory: Path = options.recordings
    entries = read_entries(directory, options.manifests)
    entries = chosen(entries, options.kinds, options.languages, options.per_kind)
    aligner = StockModel(locate(options.align_model or model.model), model)
    with tempfile.TemporaryDirectory() as scratch:
        recorded: list[Recorded] = []
        for number, entry in enumerate(entries, 1):
            print_progress(f"words of {number} / {len(entries)}: {entry.file}")
            found = _recorded(directory, entry, aligner)
            if options.phone:
                file = Path(scratch) / f"{number}.flac"
                soundfile.write(file, telephone(read_audio(found.path)), SAMPLE_RATE)
                found = msgspec.structs.replace(found, file=str(file), condition="phone")
            recorded.append(found)
        yield Material(recorded, StockModel(locate(model.model), model))


@contextmanager
def speech(options: argparse.Namespace, model: WhisperOptions) -> Iterator[Sequence[Sample]]:
    """Continuous speech: the recordings by the options, or the sample sessions. Raises ClientError
    and ModelUnavailable."""
    if options.recordings is None:
        yield sessions()
    else:
        with material(options, model) as found:
            yield dense(found.recorded)


def spoken(options: argparse.Namespace) -> bytes:
    """The audio of the recordings by the options, or of the sample sessions, one after the other: s16le at
    16 kHz. Raises ClientError."""
    if options.recordings is None:
        return b"".join(read_pcm(sample.path, SAMPLE_RATE) for sample in sessions())
    entries = read_entries(options.recordings, options.manifests)
    entries = chosen(entries, options.kinds, options.languages, options.per_kind)
    return b"".join(_pcm(options.recordings / entry.file, phone=options.phone) for entry in entries)


def _pcm(path: Path, *, phone: bool) -> bytes:
    if not phone:
        return read_pcm(path, SAMPLE_RATE)
    narrow = np.clip(telephone(read_audio(path)) * 32768, -32768, 32767)
    return bytes(narrow.round().astype("<i2").tobytes())


def dense(recorded: Sequence[Recorded]) -> list[Recorded]:
    """Recordings with little silence, the longest first, in the most frequent language. Raises
    ManifestError when there are none."""
    found = [one for one in recorded if _said_ms(one) > DENSE_SHARE * one.duration_ms]
    if not found:
        raise ManifestError("no recordings with aligned words and enough speech")
    [(language, _)] = Counter(one.language for one in found).most_common(1)
    return sorted((one for one in found if one.language == language), key=lambda one: -one.duration_ms)


def _said_ms(recorded: Recorded) -> int:
    return sum(said.end_ms - said.start_ms for said in recorded.utterances)


def _recorded(directory: Path, entry: Entry, aligner: StockModel) -> Recorded:
    path = (directory / entry.file).resolve()
    is_scored = entry.is_speech and entry.wer_ok
    has_words = is_scored and entry.lang not in UNSPACED  # words are separated by blanks
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


def print_progress(progress: str) -> None:
    """Report the progress on stderr."""
    print(progress, file=sys.stderr, flush=True)
