"""The command line: parses it, and runs one of the commands."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

import structlog

from voicegw import __version__, config
from voicegw.commands import check, client_programs, completion, token, wyoming
from voicegw.commands.process import open_standard_streams, print_text
from voicegw.commands.serve import serve
from voicegw.commands.worker import work
from voicegw.config import LogLevel, Settings, WorkerSettings
from voicegw.dialects import native
from voicegw.errors import StartupError
from voicegw.log_configuration import configure_logging, drain_log
from voicegw.tracing import tracing

_INTERRUPTED = 130  # as shells report SIGINT
_COMMANDS = {
    "serve": "serve voice sessions; `voicegw serve --help` lists the flags",
    "worker": "recognise speech for gateways; `voicegw worker --help` lists the flags",
    "wyoming": "serve Home Assistant's protocol; see --help",
}

log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """The `voicegw` command; returns the exit status."""
    open_standard_streams()
    parser = _parser({})
    chosen, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    if chosen.command in ("schema", "completion") and rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _run(chosen, rest)
    except StartupError as error:
        if drain_log():  # otherwise standard error blocks, and would block this process
            print(f"voicegw: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # of a command that does not handle SIGINT in its own way
        return _INTERRUPTED


def _run(chosen: argparse.Namespace, rest: Sequence[str]) -> int:
    """Runs the chosen command; returns the exit status. Raises StartupError."""
    match chosen.command:
        case "schema":
            print_text(json.dumps(native.schema(), indent=2))
        case "completion":
            print_text(completion.script(chosen.shell, _parser))
        case "check":
            configure_logging(LogLevel.ERROR, as_json=False)
            return check.run(rest, as_json=chosen.json)
        case "token":
            print_text(token.run(chosen, config.load(rest, "voicegw token")))
        case "worker":
            _run_worker(config.load_worker(rest))
        case "wyoming":
            wyoming.run(rest)
        case "serve":
            _serve(config.load(rest))
        case program:
            return client_programs.run(program, rest)
    return 0


def _parser(options: Mapping[str, argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The parser that chooses a command. options: by command, what it parses itself; for shell completion."""
    parser = argparse.ArgumentParser(
        prog="voicegw",
        description="A real-time voice assistant server.",
        epilog="Exit status: 0 after success or a requested end; 1 for an error, told in one line; 2 for "
        "wrong usage; 130 when interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"voicegw {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def parents(command: str) -> list[argparse.ArgumentParser]:
        return [options[command]] if command in options else []

    for command, text in {**_COMMANDS, **client_programs.PROGRAMS}.items():
        commands.add_parser(command, help=text, add_help=False, parents=parents(command))
    check.add_to(commands, parents("check"))
    token.add_to(commands, parents("token"))
    commands.add_parser("schema", help="print the JSON Schema of every message, for client authors")
    shells = commands.add_parser("completion", help="print a script with which a shell completes the flags")
    shells.add_argument("shell", choices=completion.SHELLS)
    return parser


def _serve(settings: Settings) -> None:
    configure_logging(settings.log.level, as_json=settings.log.as_json)
    for warning in config.without_effect(settings):
        log.warning("option without effect", reason=warning)
    with tracing(settings.traces, "voicegw"):
        asyncio.run(serve(settings))


def _run_worker(settings: WorkerSettings) -> None:
    configure_logging(settings.log.level, as_json=settings.log.as_json)
    with tracing(settings.traces, "voicegw-worker"):
        asyncio.run(work(settings))


if __name__ == "__main__":
    sys.exit(main())
