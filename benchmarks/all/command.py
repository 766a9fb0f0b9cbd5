"""`scripts/bench all`: the benchmarks one after the other, and one report of their figures.

Runs each part as a command of its own and keeps its result in a JSON file; then writes REPORT.md, plots if
matplotlib is installed, and the table of figures in README. A part whose result is there already is not run
again, so a run that was cut off continues; --again runs it all. Use a machine that does nothing else.

Parts that begin with `people-` need --recordings; scripts/bench recordings --help describes the format. The
first run of the peers installs them. --list shows the parts, and how long they take.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.all import document, plots
from benchmarks.all.parts import PARTS, Part
from benchmarks.all.results import DIRECTORY, PartResult, read_results, write_result
from benchmarks.command import exits_on_errors, new_parser
from benchmarks.report import commit

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 4  # times the estimate, and START_S, until a part is stopped
START_S = 600  # peers are installed first
STOP_S = 60.0


class Start(NamedTuple):
    """What is true only before the first part: the parts are load themselves, and their results change the
    working tree."""

    commit: str
    load_average: Sequence[float]

    @classmethod
    def now(cls) -> "Start":
        return cls(commit(), [round(load, 2) for load in os.getloadavg()])


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts; the exit status is 1 when one failed or has problems."""
    options = _parser().parse_args(argv)
    parts = _chosen(options)
    directory: Path = options.results
    waiting = [part for part in parts if options.again or not _is_done(part, options)]
    _print_plan(parts, waiting, options.short)
    if options.list:
        return 0
    directory.mkdir(parents=True, exist_ok=True)
    start = Start.now()
    failed = [part.name for part in waiting if not _run(part, options, start)]
    results = read_results(directory)
    document.write_report(directory, results, plots.draw(directory, results))
    if directory == DIRECTORY and not options.short:
        document.update_readme(ROOT / "README.md", results)
    print(f"report: {directory / document.REPORT}")
    problems = [part.name for part in parts if part.name in results and results[part.name].problems]
    for name in failed:
        print(f"{name}: no result", file=sys.stderr)
    for name in problems:
        print(f"{name}: reported problems", file=sys.stderr)
    return 1 if failed or problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("all", __doc__)
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help="these only (default: all that are possible)")
    add(
        "--short",
        action="store_true",
        help="minutes instead of an hour; README stays as it is",
    )
    add("--recordings", type=Path, metavar="DIR", help="people's recordings")
    add("--model", default="base", help="the speech model for them (default: %(default)s)")
    add("--realtimestt-checkout", type=Path, metavar="PATH", help="as for scripts/bench peers")
    add(
        "--results",
        type=Path,
        default=DIRECTORY,
        metavar="DIR",
        help="where results are (default: %(default)s)",
    )
    add("--again", action="store_true", help="run parts that have a result, too")
    add("--list", action="store_true", help="only show what would run, and for how long")
    return parser


def _chosen(options: argparse.Namespace) -> list[Part]:
    """The parts to run. Exits with status 2 for one that does not exist or lacks recordings."""
    known = {part.name: part for part in PARTS}
    for name in options.parts:
        if name not in known:
            _refuse(f"there is no part {name}; there are {', '.join(known)}")
        if known[name].of_people and options.recordings is None:
            _refuse(f"{name} needs --recordings")
    wanted = options.parts or [part.name for part in PARTS if options.recordings or not part.of_people]
    return [known[name] for name in wanted]


def _refuse(why: str) -> None:
    print(why, file=sys.stderr)
    raise SystemExit(2)


def _is_done(part: Part, options: argparse.Namespace) -> bool:
    found = read_results(options.results).get(part.name)
    return found is not None and found.command == _command(part, options) and not found.note


def _command(part: Part, options: argparse.Namespace) -> str:
    """As it is documented: the recordings' directory is DIR."""
    return (part.short if options.short else part.full).replace("MODEL", shlex.quote(str(options.model)))


def _print_plan(parts: Sequence[Part], waiting: Sequence[Part], short: bool) -> None:
    for part in parts:
        state = f"{part.minutes[short]:4.1f} min" if part in waiting else "    done"
        print(f"{state}  {part.name}: {part.short if short else part.full}")
    print(f"about {sum(part.minutes[short] for part in waiting):.0f} minutes on two cores", flush=True)


def _run(part: Part, options: argparse.Namespace, start: Start) -> bool:
    """Runs a part and writes its result; whether there is one."""
    command = _command(part, options)
    arguments = shlex.split(command)
    if part.of_people:
        arguments[arguments.index("DIR")] = str(options.recordings.resolve())
    if part.compares_peers and options.realtimestt_checkout:
        arguments += ["--realtimestt-checkout", str(options.realtimestt_checkout.resolve())]
    print(f"--- {part.name}: scripts/bench {command}", flush=True)
    begun = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        limit_s = START_S + PATIENCE * 60 * part.minutes[options.short]
        status = _status_of([*arguments, "--json", file.name], limit_s)
        written = Path(file.name).read_bytes()
    if not written:
        return False
    found = msgspec.json.decode(written)
    found |= {
        "name": part.name,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "took_s": round(time.monotonic() - begun, 1),
        "commit": start.commit,
        "machine": found["machine"] | {"load_average": start.load_average},
        "problems": status != 0,
    }
    write_result(options.results, msgspec.convert(found, PartResult))
    return True


def _status_of(arguments: Sequence[str], limit_s: float) -> int:
    """The exit status of a benchmark; it is ended as by Ctrl-C after the time limit."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT) as process:
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            print(f"not finished after {limit_s:.0f} s", file=sys.stderr)
            return _stop(process)
        except BaseException:
            _stop(process)
            raise


def _stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
