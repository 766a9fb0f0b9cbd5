"""Flags, environment and TOML into option classes: frozen dataclasses of bounded, described fields.

First found wins: a flag (`--session.endpoint.end-silence-ms 700`), an environment variable
(`VOICEGW_SESSION__ENDPOINT__END_SILENCE_MS=700`), the TOML file (`[session.endpoint]` /
`end_silence_ms = 700`), the default. What is wrong is said in one line, with the place it stands in.
"""

import argparse
import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from dataclasses import Field as Option
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from voicegw.errors import ConfigurationError

_PREFIX = "VOICEGW_"
_CONFIG = "VOICEGW_CONFIG"

# Kubernetes tells every pod of every service: of one named `voicegw`, in variables that look like ours.
_OF_A_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_ADDRESS_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://.*")

_NO_TABLE = frozenset({"model_type", "model_attributes_type", "dict_type"})

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that takes options. shortcuts: option to its short flag. sections: of the options of all
    commands, which may share one file and one environment; each leaves those of the others alone."""

    program: str
    description: str
    shortcuts: Mapping[str, str]
    sections: Collection[str]


class _Source(BaseSettings):
    """What pydantic-settings reads flags and variables for; its validation gets what was read already."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def read(kind: type[Options], command: Command, arguments: Sequence[str]) -> Options:
    """The option class `kind`, a section a field, as flags, environment and the file of `--config` say.

    Raises ConfigurationError in one line. `--help`, and flags that do not exist, end the process as
    argparse does.
    """
    path, flags = _file(arguments)
    model = create_model("Settings", __base__=_Source, **_fields(kind))
    foreign = set(command.sections) - set(model.model_fields)
    try:
        places = {
            "": _flags(model, command, flags),
            "the environment": EnvSettingsSource(model)(),
            str(path): {} if path is None else _table(path, foreign),
        }
        _check_variables(command.sections)
        given: dict[str, Any] = {}
        for place in reversed(places.values()):
            given = _merged(given, place)
        return _options(kind, model(**given))
    except ValidationError as error:
        raise ConfigurationError(_in_words(error.errors()[0], places)) from error
    except (SettingsError, ValueError) as error:
        raise ConfigurationError(str(error)) from error


def _file(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The file to read, if any, and the other flags."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", default=os.environ.get(_CONFIG))
    known, flags = finder.parse_known_args(arguments)
    path = None if known.config is None else Path(known.config)
    if path is not None and not path.is_file():
        raise ConfigurationError(f"there is no configuration file {path}")
    return path, flags


def _table(path: Path, foreign: Collection[str]) -> dict[str, Any]:
    """What stands in the TOML file, without the sections `foreign`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return {name: value for name, value in content.items() if name not in foreign}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both; where they differ, what is `above`."""
    both = dict(below)
    for name, value in above.items():
        under = below.get(name)
        both[name] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return both


# --- flags ---------------------------------------------------------------------------------------------


def _flags(model: type[BaseSettings], command: Command, flags: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(
        prog=command.program,
        description=command.description,
        usage=f"{command.program} [--config FILE] [--OPTION VALUE ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(  # for the help: `_file` has taken it out
        "--config", metavar="FILE", default=argparse.SUPPRESS, help=f"TOML file with options (or {_CONFIG})"
    )
    shortcuts = {
        name: flag for name, flag in command.shortcuts.items() if name.partition(".")[0] in model.model_fields
    }
    source = CliSettingsSource[argparse.ArgumentParser](
        model,
        root_parser=parser,
        add_argument_method=_add_argument,
        cli_parse_args=list(flags),
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_shortcuts=shortcuts,
    )
    return source()


def _add_argument(parser: argparse.ArgumentParser, *names: str, **how: Any) -> None:
    """Declares a flag as pydantic-settings would, but for what is Python's: its name of a list's type, and
    its way to write defaults, which `_described` says better."""
    if str(how.get("metavar", "")).startswith("tuple["):
        how["metavar"] = "LIST"
    text, written, _ = how["help"].rpartition(" (default: ")
    how["help"] = text if written else how["help"]
    parser.add_argument(*names, **how)


def _described(item: "Option[Any]") -> str:
    """What an option is, its bounds and its default, for the help."""
    text = str(item.metadata["description"])
    low, high = item.metadata.get("ge"), item.metadata.get("le")
    match low, high:
        case None, None:
            pass
        case _, None:
            text += f"; {low} or more"
        case None, _:
            text += f"; up to {high}"
        case _:
            text += f"; {low} to {high}"
    default = _written(item.default)
    # pydantic-settings writes one behind it in any case, which `_add_argument` takes away again
    return f"{text} (default: {default})" if default else text


def _written(value: Any) -> str:
    """A default as a flag or a variable would say it; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


# --- models --------------------------------------------------------------------------------------------


def _model(options: Any) -> type[BaseModel]:
    """A pydantic model with the fields, bounds and help of an option class."""
    strict = ConfigDict(extra="forbid")
    return create_model(options.__name__, __doc__=options.__doc__, __config__=strict, **_fields(options))


def _fields(options: type[Any]) -> dict[str, Any]:
    types = get_type_hints(options)
    result: dict[str, Any] = {}
    for item in fields(options):
        kind: type[Any] = types[item.name]
        if is_dataclass(kind):
            model = _model(kind)
            result[item.name] = (model, Field(default_factory=model, description=kind.__doc__))
        else:
            assert item.default is not MISSING, f"{options.__name__}.{item.name} needs a default"
            about = {**item.metadata, "description": _described(item)}
            result[item.name] = (_readable(kind), Field(default=item.default, **about))
    return result


def _readable(kind: Any) -> Any:
    """The type under which pydantic reads and describes an option of type `kind`."""
    if get_origin(kind) is tuple:
        return Annotated[kind, NoDecode, BeforeValidator(_listed)]
    if _is_choice(kind):  # by their values everywhere: as an enumeration, flags would take them by name
        return Literal[tuple(map(str, kind))]
    return kind


def _is_choice(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _listed(value: Any) -> Any:
    """A list written as one text, `a, b`, as in an environment variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _options(kind: type[Options], values: BaseModel) -> Options:
    """The option class filled from its model."""
    types = get_type_hints(kind)
    filled = {}
    for name in type(values).model_fields:
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            value = _options(types[name], value)
        filled[name] = types[name](value) if _is_choice(types[name]) else value
    return kind(**filled)


# --- what is wrong -------------------------------------------------------------------------------------


def _check_variables(sections: Collection[str]) -> None:
    """Refuses variables of ours that no command reads, which pydantic-settings passes over."""
    for name, value in os.environ.items():
        section = name.upper().removeprefix(_PREFIX).partition("__")[0].lower()
        if not name.upper().startswith(_PREFIX) or name == _CONFIG or section in sections:
            continue
        if not (_OF_A_SERVICE.fullmatch(name) or _ADDRESS_OF_A_SERVICE.fullmatch(value)):
            raise ConfigurationError(f"{name}: there is no option of this name")


def _in_words(wrong: ErrorDetails, places: Mapping[str, Mapping[str, Any]]) -> str:
    """What is wrong where, without the value, which may be a secret."""
    path = [str(part) for part in wrong["loc"]]
    name = ".".join(path)
    if wrong["type"] == "extra_forbidden":
        text = f"there is no option {name}"
    elif wrong["type"] in _NO_TABLE:
        text = f"{name}: must be a table"
    else:
        must = wrong["msg"].replace("Input should be", "must be").partition(", unable to parse")[0]
        text = f"{name}: {must}"
    place = next((place for place, content in places.items() if _holds(content, path)), "")
    if place == "the environment":
        place = _PREFIX + "__".join(path).upper()
    return f"{place}: {text}" if place else text


def _holds(content: Any, path: Sequence[str]) -> bool:
    """Whether there is something at `path`, or at as much of it as goes through tables."""
    for part in path:
        if not isinstance(content, dict):
            return True
        if part not in content:
            return False
        content = content[part]
    return True
