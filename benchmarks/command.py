"""What the commands of all benchmarks share: options with one meaning, and one way to report and to exit."""

import argparse
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import report
from clients.errors import ClientError
from voicegw.errors import StartupError

FIXED_END_SILENCE = "--no-session.endpoint.adaptive"  # so that finals can be compared with one silence

Main = Callable[[Sequence[str] | None], int]


@dataclass(frozen=True)
class Result:
    """What a benchmark found. settings: what the figures depend on. meanings: of the figures, for the table.
    problems: what must not happen and did, one line each."""

    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    meanings: Mapping[str, str]
    problems: Sequence[str] = ()

    def report(self, name: str, json_file: Path | None) -> int:
        """Print the result and write it to `json_file`; the exit status, which is 1 with problems."""
        report(name, self.settings, self.figures, self.meanings, json_file)
        for problem in self.problems:
            print(problem, file=sys.stderr)
        return 1 if self.problems else 0


def exits_on_errors(main: Main) -> Callable[..., int]:
    """`main`, which prints why a server or a client could not start or go on, and returns exit status 1."""

    @functools.wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv)
        except (ClientError, StartupError) as error:
            print(error, file=sys.stderr)
            return 1

    return wrapped


def chosen(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The values of these options, by name."""
    return {name: getattr(options, name) for name in names}


Add = Callable[[argparse.ArgumentParser], None]
Numbers = Mapping[str, tuple[float, str]]  # by option: the default, which has the option's type, and the help


def new_parser(
    name: str, description: str | None, *adds: Add, numbers: Numbers | None = None
) -> argparse.ArgumentParser:
    """The parser of `scripts/bench NAME`, whose help begins with the description as it is laid out.

    adds: functions that add shared options, such as `add_json`. numbers: the benchmark's own options that
    take a number.
    """
    parser = argparse.ArgumentParser(
        prog=f"scripts/bench {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_numbers(parser, numbers or {})
    for add in adds:
        add(parser)
    return parser


def add_numbers(parser: argparse.ArgumentParser, numbers: Numbers) -> None:
    """Options that take a number."""
    for name, (default, meaning) in numbers.items():
        parser.add_argument(
            name, type=type(default), default=default, metavar="N", help=f"{meaning} (default: %(default)s)"
        )


def add_condition(parser: argparse.ArgumentParser) -> None:
    """`--condition`, which chooses among the sample sessions."""
    parser.add_argument(
        "--condition",
        choices=("clean", "noise10", "phone"),
        default="clean",
        help="of the sample sessions (default: %(default)s)",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`, which may be any that `voicegw serve` takes."""
    parser.add_argument(
        "--model",
        default="bundled",
        help="the speech model, as for `voicegw serve`: a directory, or a name (default: %(default)s)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`, on which the models run."""
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where the models run (default: %(default)s)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json FILE`, to which the figures are written as well."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")


def add_serve(parser: argparse.ArgumentParser) -> None:
    """`--serve ARG..`, which takes the rest of the line."""
    parser.add_argument(
        "--serve",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="ARG",
        help="the rest of the line: options of `voicegw serve`",
    )


def counts(text: str) -> list[int]:
    """Numbers above 0 with commas between them, in rising order."""
    try:
        numbers = sorted({int(number) for number in text.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise argparse.ArgumentTypeError(f"numbers above 0 with commas, not {text!r}")
    return numbers
