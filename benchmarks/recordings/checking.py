"""Checks a directory of recordings; one line for each problem."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.recordings.manifest import NO_LANGUAGE, Entry, Line

LOWEST_RATE = 8000
CLIPPED_SHARE = 0.001  # of the samples at full scale: single peaks are inaudible
SILENT_PEAK = 10 ** (-50 / 20)  # of full scale; speech is 20 to 40 dB above it
FULL_SCALE = 0.9995


def problems(directory: Path, lines: Sequence[Line]) -> list[str]:
    """All problems, each with the place of its line; none when the recordings can be used."""
    found = [] if lines else ["the manifest is empty"]
    files: dict[str, str] = {}
    sounds: dict[str, str] = {}
    for line in lines:
        if line.entry is None:
            found.append(f"{line.place}: {line.problem}")
            continue
        path = directory / line.entry.file
        wrong = _of_entry(line.entry) + _of_sound(path, line.entry.is_speech)
        if line.entry.file in files:
            wrong.append(f"is listed in {files[line.entry.file]} already")
        elif path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest in sounds:
                wrong.append(f"has the same content as the file in {sounds[digest]}")
            sounds.setdefault(digest, line.place)
        files.setdefault(line.entry.file, line.place)
        found += [f"{line.place}: {line.entry.file}: {problem}" for problem in wrong]
    return found


def _of_entry(entry: Entry) -> list[str]:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    wrong = []
    if not entry.kind:
        wrong.append("no kind")
    if entry.lang not in (*_LANGUAGE_CODES, NO_LANGUAGE):
        wrong.append(f"unknown language code {entry.lang!r}; without speech: {NO_LANGUAGE}")
    if entry.is_speech and not entry.text.strip():
        wrong.append("no text, although it has speech")
    if not entry.is_speech and entry.text.strip():
        wrong.append("has text, although it has no speech")
    return wrong


def _of_sound(path: Path, is_speech: bool) -> list[str]:
    if not path.is_file():
        return ["the file is missing"]
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        return [f"cannot be read as audio: {error}"]
    if not len(samples):
        return ["holds no audio"]
    levels = np.abs(samples)
    wrong = []
    if rate < LOWEST_RATE:
        wrong.append(f"{rate} Hz; at least {LOWEST_RATE} are needed")
    clipped = float(np.mean(levels >= FULL_SCALE))
    if is_speech and clipped > CLIPPED_SHARE:
        wrong.append(f"clipped: {100 * clipped:.1f} % of the samples are at full scale")
    if is_speech and float(levels.max()) < SILENT_PEAK:
        wrong.append("silent, although it has speech")
    return wrong
