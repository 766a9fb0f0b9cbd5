"""`scripts/bench recordings`: checks whether the other benchmarks can use a directory of recordings.

Prints a line for each problem and exits with status 1; or prints the amount of recordings by kind and
language. Each manifest in the directory has a line for each recording:

  {"file": "a/b.flac", "text": "what is said", "lang": "en", "kind": "read", "wer_ok": true}

file is relative to the directory. Recordings of the kind nonspeech, or in the language xx, have no speech.
With wer_ok false the text is not exact enough to count word errors by; left out, it is true. Other fields are
ignored.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import soundfile
from rich.table import Table

from benchmarks.command import new_parser
from benchmarks.recordings.checking import problems
from benchmarks.recordings.manifest import MANIFEST, Entry, ManifestError, read_lines
from benchmarks.report import console


def main(argv: Sequence[str] | None = None) -> int:
    """Check the recordings; the exit status."""
    parser = new_parser("recordings", __doc__)
    parser.add_argument("directory", type=Path, metavar="DIR", help="where the recordings are")
    parser.add_argument(
        "--manifests",
        nargs="+",
        default=[MANIFEST],
        metavar="NAME",
        help="files in it (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    try:
        lines = read_lines(options.directory, options.manifests)
    except ManifestError as error:
        print(error, file=sys.stderr)
        return 1
    found = problems(options.directory, lines)
    for problem in found:
        print(problem)
    if found:
        print(f"{len(found)} problems")
        return 1
    console().print(summary(options.directory, [line.entry for line in lines if line.entry is not None]))
    return 0


def summary(directory: Path, entries: Sequence[Entry]) -> Table:
    """The amount of recordings by kind and language."""
    table = Table("kind", "language")
    for title in ("recordings", "minutes", "words", "scored"):
        table.add_column(title, justify="right")
    for kind, lang in sorted({(entry.kind, entry.lang) for entry in entries}):
        group = [entry for entry in entries if (entry.kind, entry.lang) == (kind, lang)]
        minutes = sum(soundfile.info(directory / entry.file).duration for entry in group) / 60
        words = sum(len(entry.text.split()) for entry in group)
        scored = sum(entry.is_speech and entry.wer_ok for entry in group)
        table.add_row(kind, lang, str(len(group)), f"{minutes:.1f}", str(words), str(scored))
    return table
