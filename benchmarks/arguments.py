"""The flags that benchmarks share, each with one meaning."""

import argparse
from pathlib import Path

FIXED_END_SILENCE = "--no-session.endpoint.adaptive"  # so that finals can be held against one silence


def new_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of `scripts/bench NAME`, whose help begins with the description as it is laid out."""
    return argparse.ArgumentParser(
        prog=f"scripts/bench {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`, which may be any that `voicegw serve` takes."""
    parser.add_argument(
        "--model", default="bundled", help="the speech model, as for `voicegw serve` (default: %(default)s)"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`, on which the models run."""
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where the models run (default: %(default)s)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json FILE`, where the figures go beside the table."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")


def add_serve(parser: argparse.ArgumentParser) -> None:
    """`--serve ARG..`, which takes the rest of the line."""
    parser.add_argument(
        "--serve",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="ARG",
        help="the rest goes to `voicegw serve`",
    )
