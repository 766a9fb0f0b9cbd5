"""Coverage-guided fuzzing of the decoders of client messages, with atheris: `pip install .[fuzz]`.

It starts with a valid message of each kind, and stops at the first input that raises another error than a
client may cause; this input is written to the directory `--found`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.command import new_parser

# As in benchmarks.fuzz.targets, which must be imported with instrumentation.
NAMES = (
    "asterisk",
    "bridge",
    "client-secret",
    "form",
    "native",
    "realtime",
    "twilio",
    "vosk",
    "wyoming",
    "url",
)
GRACE_S = 600.0  # to start, with instrumented imports on a busy machine, and to end
MAX_INPUT_BYTES = 4096


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz each target for its time; the exit status is 1 when something was found."""
    parser = new_parser("decoders", __doc__)
    add = parser.add_argument
    add("--targets", nargs="+", choices=NAMES, default=NAMES, help="which ones (default: all)")
    add("--seconds", type=int, default=60, help="time for each target (default: %(default)s)")
    add(
        "--found",
        type=Path,
        default=Path("."),
        metavar="DIR",
        help="for failing inputs (default: the current one)",
    )
    options = parser.parse_args(argv)
    if find_spec("atheris") is None:
        print("atheris is not installed; it is in the `fuzz` extra", file=sys.stderr)
        return 2
    statuses = [_run(name, options.seconds, options.found) for name in options.targets]
    return max(statuses)


def _run(name: str, seconds: int, found: Path) -> int:
    """Fuzz in a child process, which atheris ends."""
    from benchmarks.fuzz.targets import TARGETS

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(TARGETS[name].seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        flags = (f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}", f"-artifact_prefix={found}/")
        command = [sys.executable, "-m", "benchmarks.decoders", name, *flags, corpus]
        return int(subprocess.run(command, timeout=seconds + GRACE_S, check=False).returncode != 0)


def _fuzz(name: str, arguments: Sequence[str]) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=["voicegw"]):
        from benchmarks.fuzz.targets import TARGETS
    atheris.Setup([name, *arguments], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    _fuzz(sys.argv[1], sys.argv[2:])
