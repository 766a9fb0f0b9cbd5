"""Flags, environment and TOML into the option classes declared beside what they tune: the only reader of
the environment.

First found wins: a flag (`--session.endpoint.end-silence-ms 700`), an environment variable
(`VOICEGW_SESSION__ENDPOINT__END_SILENCE_MS=700`), the TOML file named by `--config` or `VOICEGW_CONFIG`
(`[session.endpoint]` / `end_silence_ms = 700`), the default.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from voicegw.asr.pool import PoolOptions
from voicegw.asr.vad import VadOptions
from voicegw.asr.whisper import WhisperOptions
from voicegw.cluster.connect import RedisOptions
from voicegw.cluster.consumer import ConsumerOptions
from voicegw.cluster.errand_worker import ErrandWorkerOptions
from voicegw.cluster.errands import RemoteErrandOptions
from voicegw.cluster.remote import RemoteOptions
from voicegw.core.options import option
from voicegw.core.session import SessionOptions
from voicegw.errors import ConfigurationError
from voicegw.gateway.access import AccessOptions
from voicegw.gateway.auth import TokenOptions
from voicegw.gateway.limits import LimitOptions
from voicegw.gateway.server import GatewayOptions
from voicegw.reply.failover import FailoverOptions
from voicegw.reply.llm import LLMOptions
from voicegw.reply.moderation import ModerationOptions
from voicegw.reply.tools import ToolOptions
from voicegw.reply.voice import VoiceEngine, VoiceOptions

_SHORTCUTS: dict[str, str | list[str]] = {
    "gateway.host": "host",
    "gateway.port": "port",
    "gateway.tls.cert": "tls-cert",
    "gateway.tls.key": "tls-key",
    "access.behind-proxy": "behind-proxy",
    "access.origins": "origins",
    "tokens.keys": "token-keys",
    "asr.model": "model",
    "asr.device": "device",
    "asr.language": "language",
    "pool.workers": "workers",
    "vad.engine": "vad-engine",
    "llm.url": "llm-url",
    "llm.model": "llm-model",
    "voice.engine": "voice-engine",
    "voice.url": "voice-url",
    "voice.model": "voice-model",
    "voice.name": "voice-name",
    "cluster.url": "redis",
    "log.level": "log-level",
}

Options = TypeVar("Options")
Keyed = TypeVar("Keyed", VoiceOptions, ModerationOptions)


class LogLevel(StrEnum):
    """Severities, from the least."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What is written to standard error."""

    level: LogLevel = option(LogLevel.INFO, "least severity that is logged")
    as_json: bool = option(False, "log one JSON object a line, for machines")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that `voicegw serve` can be told."""

    gateway: GatewayOptions = field(default_factory=GatewayOptions)
    access: AccessOptions = field(default_factory=AccessOptions)
    tokens: TokenOptions = field(default_factory=TokenOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
    session: SessionOptions = field(default_factory=SessionOptions)
    asr: WhisperOptions = field(default_factory=WhisperOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    vad: VadOptions = field(default_factory=VadOptions)
    llm: LLMOptions = field(default_factory=LLMOptions)
    llm_fallback: LLMOptions = field(default_factory=LLMOptions)
    failover: FailoverOptions = field(default_factory=FailoverOptions)
    voice: VoiceOptions = field(default_factory=VoiceOptions)
    tools: ToolOptions = field(default_factory=ToolOptions)
    errands: RemoteErrandOptions = field(default_factory=RemoteErrandOptions)
    moderation: ModerationOptions = field(default_factory=ModerationOptions)
    cluster: RedisOptions = field(default_factory=RedisOptions)
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    log: LogOptions = field(default_factory=LogOptions)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Everything that `voicegw worker` can be told."""

    cluster: RedisOptions = field(default_factory=RedisOptions)
    consumer: ConsumerOptions = field(default_factory=ConsumerOptions)
    tool_worker: ErrandWorkerOptions = field(default_factory=ErrandWorkerOptions)
    tools: ToolOptions = field(default_factory=ToolOptions)
    asr: WhisperOptions = field(default_factory=WhisperOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    log: LogOptions = field(default_factory=LogOptions)


def load(arguments: Sequence[str]) -> Settings:
    """The settings of `voicegw serve`. Raises ConfigurationError as `_load` does."""
    settings = _load(Settings, "voicegw serve", _HELP, arguments)
    return replace(
        settings,
        llm=_with_openai_variables(settings.llm),
        voice=_with_key(settings.voice, settings.voice.engine is VoiceEngine.OPENAI),
        moderation=_with_key(settings.moderation, settings.moderation.model is not None),
    )


def load_worker(arguments: Sequence[str]) -> WorkerSettings:
    """The settings of `voicegw worker`. Raises ConfigurationError as `_load` does, and without a Redis."""
    settings = _load(WorkerSettings, "voicegw worker", _WORKER_HELP, arguments)
    if settings.cluster.url is None:
        raise ConfigurationError("a worker needs a Redis to take its work from: --redis URL")
    return settings


def _load(kind: type[Options], program: str, text: str, arguments: Sequence[str]) -> Options:
    """What the flags `arguments`, the environment and the TOML file say. One file may serve all commands:
    each leaves the sections of the others alone.

    Raises ConfigurationError in one line. `--help`, and flags that do not exist, end the process as
    argparse does.
    """
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", default=os.environ.get("VOICEGW_CONFIG"))
    known, flags = finder.parse_known_args(arguments)
    path = None if known.config is None else Path(known.config)
    if path is not None and not path.is_file():
        raise ConfigurationError(f"there is no configuration file {path}")
    try:
        parsed = _source(kind, program, text, path)(_cli_parse_args=list(flags))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (SettingsError, ValueError) as error:
        raise ConfigurationError(str(error)) from error
    return _options(kind, parsed)


def _with_openai_variables(llm: LLMOptions) -> LLMOptions:
    """The names every OpenAI client reads, where ours say nothing.

    They only complete what was asked for with a model's name: left in an environment for another program,
    they must not send conversations elsewhere.
    """
    if llm.model is None:
        return llm
    return replace(
        llm,
        url=llm.url or os.environ.get("OPENAI_BASE_URL"),
        api_key=llm.api_key or os.environ.get("OPENAI_API_KEY"),
    )


def _with_key(options: Keyed, wanted: bool) -> Keyed:
    """The key every OpenAI client reads, where OpenAI itself is `wanted` to speak or to judge."""
    if not wanted or options.url is not None:
        return options
    return replace(options, api_key=options.api_key or os.environ.get("OPENAI_API_KEY"))


def _source(kind: type[Any], program: str, text: str, toml: Path | None) -> type[BaseSettings]:
    """A settings model with the fields of `kind` that reads from all the places."""
    sections = {item.name for item in fields(kind)}
    foreign = {item.name for other in (Settings, WorkerSettings) for item in fields(other)} - sections

    class OwnSections(TomlConfigSettingsSource):
        def __call__(self) -> dict[str, Any]:
            return {name: value for name, value in super().__call__().items() if name not in foreign}

    class Source(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix="VOICEGW_",
            env_nested_delimiter="__",
            extra="forbid",
            cli_prog_name=program,
            cli_kebab_case=True,
            cli_implicit_flags=True,
            cli_avoid_json=True,
            cli_hide_none_type=True,
            cli_shortcuts={k: v for k, v in _SHORTCUTS.items() if k.partition(".")[0] in sections},
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            given = (init_settings, env_settings)
            return given if toml is None else (*given, OwnSections(settings_cls, toml))

    return create_model("Settings", __base__=Source, __doc__=text, **_fields(kind))


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
            of = Annotated[kind, NoDecode, BeforeValidator(_listed)] if get_origin(kind) is tuple else kind
            result[item.name] = (of, Field(default=item.default, **item.metadata))
    return result


def _listed(value: Any) -> Any:
    """A list written as one text, `a, b`, as in an environment variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _options(kind: type[Options], values: BaseModel) -> Options:
    """The option class filled from its model."""
    given = {name: getattr(values, name) for name in type(values).model_fields}
    types = get_type_hints(kind)
    return kind(
        **{
            name: _options(types[name], value) if isinstance(value, BaseModel) else value
            for name, value in given.items()
        }
    )


_HELP = """Serve voice sessions.

Every option can also be an environment variable (VOICEGW_GATEWAY__PORT=8000) or stand in a TOML file
(--config FILE). The model that answers: --llm-model at --llm-url, or at OPENAI_BASE_URL with
OPENAI_API_KEY; without a model's name, a small offline responder answers."""

_WORKER_HELP = """Recognise speech for the gateways that share a Redis (`voicegw serve --redis URL`).

Every option can also be an environment variable (VOICEGW_POOL__WORKERS=2) or stand in a TOML file
(--config FILE)."""
