"""Loads option classes (frozen dataclasses of bounded, described fields, nested as sections) from flags,
environment variables, a TOML file and defaults.

The first source that has an option wins: a flag (`--session.endpoint.end-silence-ms 700`), an environment
variable (`VOICEGW_SESSION__ENDPOINT__END_SILENCE_MS=700`), the TOML file (`[session.endpoint]` /
`end_silence_ms = 700`), the default. An error is one line that names the option and its source, without the
value, which may be a secret.
"""

import argparse
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from difflib import get_close_matches
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from voicegw.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_PREFIX = "VOICEGW_"
_CONFIG = "VOICEGW_CONFIG"
_SIMILAR = 0.7  # of two names, 0 to 1 (difflib); from here on one is suggested for the other

# Kubernetes sets variables for every service in every pod; those of a service `voicegw` have our prefix.
_OF_A_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_ADDRESS_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://.*")

_IN_WORDS = {int: "a whole number", float: "a number", bool: "true or false", tuple: "a list"}

Options = TypeVar("Options", bound="DataclassInstance")
Given = dict[str, tuple[Any, str]]
"""By an option's name, the value that a source gives it, and the source as an error message names it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that takes options. shortcuts: option to its short flag. usual: options without one that
    `--help` lists, too; `--help-all` lists all. sections: of the options of all commands, which may share one
    file and one environment; each ignores those of the others."""

    program: str
    description: str
    shortcuts: Mapping[str, str]
    sections: Collection[str]
    usual: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One option. name: with its sections, `session.endpoint.end_silence_ms`. owner: the class that declares
    it. kind: the type of its values, without the None of one that may be left out."""

    name: str
    owner: type[Any]
    kind: Any
    field: "Field[Any]"

    @property
    def section(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def choices(self) -> tuple[str, ...]:
        """All values, where they are few."""
        if get_origin(self.kind) is Literal:
            return get_args(self.kind)
        return tuple(self.kind) if isinstance(self.kind, type) and issubclass(self.kind, StrEnum) else ()

    @property
    def bounds(self) -> str:
        low, high = self.field.metadata.get("ge"), self.field.metadata.get("le")
        if low is None:
            return "" if high is None else f"up to {high}"
        return f"{low} or more" if high is None else f"{low} to {high}"

    @property
    def is_list(self) -> bool:
        return get_origin(self.kind) is tuple

    @property
    def description(self) -> str:
        return str(self.field.metadata["description"])

    @property
    def default(self) -> str:
        """The default as text; empty where there is none."""
        default = self.field.default
        if isinstance(default, tuple):
            return ", ".join(map(str, default))
        return "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def load(kind: type[Options], command: Command, arguments: Sequence[str]) -> Options:
    """The option class `kind`, whose fields are sections, filled from all sources.

    Raises ConfigurationError in one line. `--help`, `--help-all`, and flags that do not exist, end the
    process as argparse does.
    """
    options = {option.name: option for option in options_of(kind)}
    flags = _flags(options.values(), command, arguments)
    path, foreign = flags.pop("config"), set(command.sections) - {item.name for item in fields(kind)}
    given = {} if path is None else _from_file(Path(path), options, foreign)
    given |= _from_environment(options, foreign)
    given |= {name: (value, "") for name, value in flags.items()}
    values = {name: _checked(options[name], *found) for name, found in given.items()}
    try:
        return _filled(kind, values)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def parser_of(kind: type[Any], command: Command) -> argparse.ArgumentParser:
    """A parser that has all options of the class `kind`; see `load` for what they mean."""
    return _parser(list(options_of(kind)), command, everything=True)


def options_of(kind: type[Any], sections: str = "") -> Iterator[Option]:
    """All options of an option class; those of its own sections come last."""
    types = get_type_hints(kind)
    for item in sorted(fields(kind), key=lambda item: is_dataclass(types[item.name])):
        name, of = sections + item.name, types[item.name]
        if isinstance(of, type) and is_dataclass(of):
            yield from options_of(of, f"{name}.")
        else:
            given = [each for each in get_args(of) if each is not type(None)]
            yield Option(name, kind, given[0] if type(None) in get_args(of) else of, item)


def _filled(kind: type[Options], values: Mapping[str, Any], sections: str = "") -> Options:
    filled = {}
    for name, of in get_type_hints(kind).items():
        if isinstance(of, type) and is_dataclass(of):
            filled[name] = _filled(of, values, f"{sections}{name}.")
        elif sections + name in values:
            filled[name] = values[sections + name]
    return kind(**filled)


# --- sources -------------------------------------------------------------------------------------------


def _from_file(path: Path, options: Mapping[str, Option], foreign: Collection[str]) -> Given:
    """What the TOML file gives, without the sections `foreign`."""

    def flat(table: Mapping[str, Any], sections: str = "") -> Iterator[tuple[str, Any]]:
        for key, value in table.items():
            name = sections + key
            if name in options:
                yield name, value
            elif not any(option.startswith(f"{name}.") for option in options):
                raise ConfigurationError(f"{path}: there is no option {name}{_did_you_mean(name, options)}")
            elif not isinstance(value, dict):
                raise ConfigurationError(f"{path}: {name}: must be a table")
            else:
                yield from flat(value, f"{name}.")

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    ours = {section: table for section, table in content.items() if section not in foreign}
    return {name: (value, str(path)) for name, value in flat(ours)}


def _from_environment(options: Collection[str], foreign: Collection[str]) -> Given:
    """What the environment gives. Raises ConfigurationError for a variable that is no command's."""
    names = {_PREFIX + name.replace(".", "__").upper(): name for name in options}
    given: Given = {}
    for variable, value in os.environ.items():
        known = variable.upper()
        section = known.removeprefix(_PREFIX).partition("__")[0].lower()
        if known in names:
            given[names[known]] = value, variable
        elif not known.startswith(_PREFIX) or known == _CONFIG or section in foreign:
            continue
        elif not (_OF_A_SERVICE.fullmatch(variable) or _ADDRESS_OF_A_SERVICE.fullmatch(value)):
            similar = _did_you_mean(known, names)
            raise ConfigurationError(f"{variable}: there is no option of this name{similar}")
    return given


def _flags(options: Collection[Option], command: Command, arguments: Sequence[str]) -> dict[str, Any]:
    """The text of each flag that was given, by the name of its option; `config`, the file."""
    everything = "--help-all" in arguments
    parser = _parser(options, command, everything=everything)
    if everything:
        parser.parse_args(["--help"])
    flags, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = [name for option in options for name in _names(option, command)]
        similar = _did_you_mean(unknown[0].partition("=")[0], known)
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{similar}")
    return vars(flags)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message about a name that does not exist: the most similar one, if there is one."""
    return "".join(f"; did you mean {match}?" for match in get_close_matches(name, known, 1, _SIMILAR))


def _parser(options: Collection[Option], command: Command, *, everything: bool) -> argparse.ArgumentParser:
    """A parser whose namespace has the text of each flag that was given, by the name of its option.
    everything: its help lists all options, by section, and it has their choices; otherwise its help lists
    the usual ones, and their values are checked later."""
    parser = argparse.ArgumentParser(
        prog=command.program,
        description=command.description,
        usage=f"{command.program} [--config FILE] [--OPTION VALUE ...]",
        epilog="" if everything else f"--help-all lists all {len(options)} options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    about = f"TOML file with options (or {_CONFIG})"
    parser.add_argument("--config", metavar="FILE", default=os.environ.get(_CONFIG), help=about)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in options:
        section = option.section if everything else ""
        if section not in groups:
            title, text = (
                (f"{section} options", option.owner.__doc__) if everything else ("usual options", None)
            )
            groups[section] = parser.add_argument_group(title, text)
        names = _names(option, command)
        shown = everything or len(names) > 1 or option.name in command.usual
        text = _help(option) if shown else argparse.SUPPRESS
        action = groups[section].add_argument(*names, dest=option.name, help=text, **_how_to_parse(option))
        action.choices = option.choices if everything and option.choices else None
    return parser


def _names(option: Option, command: Command) -> list[str]:
    """The flags of an option, the short one first."""
    long = option.name.replace("_", "-")
    return [f"--{flag}" for flag in (command.shortcuts.get(long), long) if flag]


def _how_to_parse(option: Option) -> dict[str, Any]:
    """Arguments of `add_argument`; what the text has to be is checked later, as that of a variable is."""
    if option.choices:
        return {"metavar": f"{{{','.join(option.choices)}}}"}
    if option.is_list:
        return {"metavar": "LIST", "action": "extend", "type": _split}
    if option.kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"metavar": option.kind.__name__}


def _help(option: Option) -> str:
    """What an option is, its bounds and its default."""
    text = "; ".join(filter(None, [option.description, option.bounds]))
    return text.replace("%", "%%") + (f" (default: {option.default})" if option.default else "")


# --- values --------------------------------------------------------------------------------------------


def _checked(option: Option, value: Any, source: str) -> Any:
    """The value as the option's type. Raises ConfigurationError when it is none, or out of bounds."""
    if option.is_list and isinstance(value, str):
        value = _split(value)
    try:
        value = msgspec.convert(value, option.kind, strict=False, dec_hook=lambda kind, text: kind(text))
    except msgspec.ValidationError:
        pass
    else:
        low, high = option.field.metadata.get("ge", -inf), option.field.metadata.get("le", inf)
        if not option.bounds or low <= value <= high:
            return value
    takes = _IN_WORDS.get(get_origin(option.kind) or option.kind, "text")
    takes = f"one of {', '.join(option.choices)}" if option.choices else takes
    wanted = ", ".join(filter(None, [takes, option.bounds]))
    raise ConfigurationError(f"{source}: {option.name}: must be {wanted}".removeprefix(": "))


def _split(text: str) -> list[str]:
    """A list that is written as one text: `a, b`."""
    return [part.strip() for part in text.split(",") if part.strip()]
