"""The command line: parses it, and runs one of the commands."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

import structlog

from voicegw import __version__, config
from voicegw.commands import check, token, wyoming
from voicegw.commands.process import open_standard_streams, print_text
from voicegw.commands.serve import serve
from voicegw.commands.worker import work
from voicegw.config import LogLevel, WorkerSettings
from voicegw.dialects import native
from voicegw.errors import StartupError
from voicegw.log_configuration import configure_logging, drain_log
from voicegw.tracing import tracing

log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """The `voicegw` command; returns the exit status."""
    open_standard_streams()
    parser = _parser()
    chosen, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    if chosen.command == "schema" and rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if chosen.command == "schema":
            print_text(json.dumps(native.schema(), indent=2))
            return 0
        if chosen.command == "check":
            configure_logging(LogLevel.ERROR, as_json=False)
            return check.run(rest, as_json=chosen.json)
        if chosen.command == "worker":
            _run_worker(config.load_worker(rest))
            return 0
        if chosen.command == "wyoming":
            wyoming.run(rest)
            return 0
        settings = config.load(rest, f"voicegw {chosen.command}")
        if chosen.command == "token":
            print_text(token.run(chosen, settings))
            return 0
        configure_logging(settings.log.level, as_json=settings.log.as_json)
        for warning in config.without_effect(settings):
            log.warning("option without effect", reason=warning)
        with tracing(settings.traces, "voicegw"):
            asyncio.run(serve(settings))
    except StartupError as error:
        if drain_log():  # otherwise standard error blocks, and would block this process
            print(f"voicegw: {error.message}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voicegw",
        description="A real-time voice assistant server.",
        epilog="Exit status: 0 after a requested end; 1 for an error, told in one line; 2 for wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"voicegw {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "serve", help="serve voice sessions; `voicegw serve --help` lists the flags", add_help=False
    )
    commands.add_parser(
        "worker",
        help="recognise speech for gateways; `voicegw worker --help` lists the flags",
        add_help=False,
    )
    commands.add_parser("wyoming", help="serve Home Assistant's protocol; see --help", add_help=False)
    commands.add_parser("schema", help="print the JSON Schema of every message, for client authors")
    check.add_to(commands)
    token.add_to(commands)
    return parser


def _run_worker(settings: WorkerSettings) -> None:
    configure_logging(settings.log.level, as_json=settings.log.as_json)
    with tracing(settings.traces, "voicegw-worker"):
        asyncio.run(work(settings))


if __name__ == "__main__":
    sys.exit(main())
