"""`voicegw completion`: prints a script with which a shell completes the commands and their flags."""

import argparse
from collections.abc import Callable, Mapping

import shtab

from voicegw import config
from voicegw.commands import client_programs

SHELLS = ("bash", "zsh", "fish")
# What a shell completes, by metavar.
_PATHS = {"FILE": shtab.FILE, "FILE.wav": shtab.FILE, "PATH": shtab.FILE, "DIR": shtab.DIRECTORY}


def script(
    shell: str, parser_with: Callable[[Mapping[str, argparse.ArgumentParser]], argparse.ArgumentParser]
) -> str:
    """The script for one of SHELLS. parser_with: makes the parser of the whole command line from those of the
    commands that parse their flags themselves, by command."""
    parsers = config.parsers() | client_programs.parsers()
    for parser in parsers.values():
        for action in parser._actions:  # argparse has no public list of them
            if isinstance(action.metavar, str) and action.metavar in _PATHS:
                action.complete = _PATHS[action.metavar]  # type: ignore[attr-defined]  # where shtab looks
    return shtab.complete(parser_with(parsers), shell)
