"""What each command can be told: the option classes declared beside what they tune, put together, and loaded
from flags, environment and a TOML file by `settings_loader.py`. With that module, the only reader of the
environment.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TypeVar

from voicegw.asr.pool import PoolOptions
from voicegw.asr.recording_decoder import RecordingOptions
from voicegw.asr.vad import VadOptions
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.cluster.jobs.recognition_worker import ConsumerOptions
from voicegw.cluster.jobs.remote import RemoteOptions
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.cluster.tools.remote_background_calls import RemoteBackgroundCallOptions
from voicegw.cluster.tools.tool_worker import ToolWorkerOptions
from voicegw.core.options import option
from voicegw.core.session import SessionOptions
from voicegw.dialects.bridge import VonageOptions
from voicegw.dialects.twilio import TwilioOptions
from voicegw.errors import ConfigurationError
from voicegw.gateway.auth.access import AccessOptions
from voicegw.gateway.auth.authenticator import TokenOptions
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.server import GatewayOptions
from voicegw.reply.llm.failover import FailoverOptions
from voicegw.reply.llm.llm_responder import LLMOptions
from voicegw.reply.moderators.moderation_options import ModerationOptions
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.voice.sentence_voice import VoiceEngine, VoiceOptions
from voicegw.settings_loader import Command, parser_of
from voicegw.settings_loader import load as load_options
from voicegw.tracing import TraceOptions
from voicegw.wyoming.options import WyomingOptions

_SHORTCUTS = {
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
    "session.dialogue.greeting": "greeting",
    "llm.url": "llm-url",
    "llm.model": "llm-model",
    "voice.engine": "voice-engine",
    "voice.url": "voice-url",
    "voice.model": "voice-model",
    "voice.name": "voice-name",
    "cluster.url": "redis",
    "log.level": "log-level",
}

_USUAL = (
    *("session.endpoint.end_silence_ms", "gateway.admission.max_sessions"),
    *("pool.max_memory_mb", "log.as_json", "traces.exporter"),
)

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
    twilio: TwilioOptions = field(default_factory=TwilioOptions)
    vonage: VonageOptions = field(default_factory=VonageOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
    session: SessionOptions = field(default_factory=SessionOptions)
    asr: WhisperOptions = field(default_factory=WhisperOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    vad: VadOptions = field(default_factory=VadOptions)
    recordings: RecordingOptions = field(default_factory=RecordingOptions)
    llm: LLMOptions = field(default_factory=LLMOptions)
    llm_fallback: LLMOptions = field(default_factory=LLMOptions)
    failover: FailoverOptions = field(default_factory=FailoverOptions)
    voice: VoiceOptions = field(default_factory=VoiceOptions)
    tools: ToolOptions = field(default_factory=ToolOptions)
    background_calls: RemoteBackgroundCallOptions = field(default_factory=RemoteBackgroundCallOptions)
    moderation: ModerationOptions = field(default_factory=ModerationOptions)
    cluster: RedisOptions = field(default_factory=RedisOptions)
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    traces: TraceOptions = field(default_factory=TraceOptions)
    log: LogOptions = field(default_factory=LogOptions)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Everything that `voicegw worker` can be told."""

    cluster: RedisOptions = field(default_factory=RedisOptions)
    consumer: ConsumerOptions = field(default_factory=ConsumerOptions)
    tool_worker: ToolWorkerOptions = field(default_factory=ToolWorkerOptions)
    tools: ToolOptions = field(default_factory=ToolOptions)
    asr: WhisperOptions = field(default_factory=WhisperOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)
    traces: TraceOptions = field(default_factory=TraceOptions)
    log: LogOptions = field(default_factory=LogOptions)


@dataclass(frozen=True, slots=True)
class WyomingSettings:
    """Everything that `voicegw wyoming` can be told."""

    wyoming: WyomingOptions = field(default_factory=WyomingOptions)
    voice: VoiceOptions = field(default_factory=VoiceOptions)
    log: LogOptions = field(default_factory=LogOptions)


_SECTIONS = frozenset(
    item.name for kind in (Settings, WorkerSettings, WyomingSettings) for item in fields(kind)
)


def load(arguments: Sequence[str], program: str = "voicegw serve") -> Settings:
    """The settings of `voicegw serve`, or of another `program` that takes the same.

    Raises ConfigurationError as `settings_loader.load` does.
    """
    settings = load_options(Settings, replace(_SERVE, program=program), arguments)
    return replace(
        settings,
        llm=_with_openai_variables(settings.llm),
        voice=_with_key(settings.voice, settings.voice.engine is VoiceEngine.OPENAI),
        moderation=_with_key(settings.moderation, settings.moderation.model is not None),
        traces=_with_exporter(settings.traces),
    )


def load_worker(arguments: Sequence[str]) -> WorkerSettings:
    """The settings of `voicegw worker`. Raises ConfigurationError as `settings_loader.load` does, and where
    no Redis is named."""
    settings = load_options(WorkerSettings, _WORKER, arguments)
    if settings.cluster.url is None:
        raise ConfigurationError("a worker needs a Redis to take its work from: --redis URL")
    return replace(settings, traces=_with_exporter(settings.traces))


def load_wyoming(arguments: Sequence[str]) -> WyomingSettings:
    """The settings of `voicegw wyoming`. Raises ConfigurationError as `settings_loader.load` does."""
    settings = load_options(WyomingSettings, _WYOMING, arguments)
    return replace(settings, voice=_with_key(settings.voice, settings.voice.engine is VoiceEngine.OPENAI))


def parsers() -> dict[str, argparse.ArgumentParser]:
    """For each command that takes options, a parser that has all of them; to describe them, not to parse."""
    serve = parser_of(Settings, _SERVE)
    return {
        **{"serve": serve, "check": serve, "token": serve},
        "worker": parser_of(WorkerSettings, _WORKER),
        "wyoming": parser_of(WyomingSettings, _WYOMING),
    }


def without_effect(settings: Settings) -> Iterator[str]:
    """What is set and does nothing, each in a sentence that says why."""
    yield from _of_workers(settings)
    voice, endpoint = settings.voice, settings.session.endpoint
    if voice.url is not None and voice.engine is not VoiceEngine.OPENAI:
        yield f"voice.url is for the openai engine, and the voice engine is {voice.engine}"
    if voice.engine in (VoiceEngine.ESPEAK, VoiceEngine.NONE) and voice.model is not None:
        yield f"voice.model is for the engines piper and openai, and the voice engine is {voice.engine}"
    if voice.engine is VoiceEngine.NONE and voice.name is not None:
        yield "voice.name names a voice, and the voice engine is none"
    if not endpoint.adaptive and (endpoint.min_end_silence_ms or endpoint.max_end_silence_ms):
        yield "with session.endpoint.adaptive off, only end_silence_ms ends a turn"
    if endpoint.pause_ms > endpoint.finished_ms:
        yield "session.endpoint.pause_ms is longer than the end silence, which cannot end a turn any sooner"
    if settings.twilio.public_url is not None and settings.twilio.auth_token is None:
        yield "twilio.public_url is what signatures are checked against, and twilio.auth_token is not set"
    if settings.llm.url is None and settings.llm.model is None and settings.llm.api_key is not None:
        yield "llm.api_key is for a model endpoint, and llm.model names none"


def _of_workers(settings: Settings) -> Iterator[str]:
    """With a Redis, workers recognise speech, with options of their own."""
    if settings.cluster.url is None:
        return
    for section, chosen in (("asr", settings.asr), ("pool", settings.pool)):
        for item in fields(chosen):
            if getattr(chosen, item.name) != item.default:
                yield f"{section}.{item.name} is an option of the workers here: with --redis they recognise"


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


def _with_exporter(traces: TraceOptions) -> TraceOptions:
    """The exporter that the standard variables of OpenTelemetry name, unless an option names one."""
    if traces.exporter is not None:
        return traces
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    implied = "otlp" if any(map(os.environ.get, endpoints)) else None
    return replace(traces, exporter=os.environ.get("OTEL_TRACES_EXPORTER") or implied)


def _with_key(options: Keyed, wanted: bool) -> Keyed:
    """The key every OpenAI client reads, where OpenAI itself is `wanted` to speak or to judge."""
    if not wanted or options.url is not None:
        return options
    return replace(options, api_key=options.api_key or os.environ.get("OPENAI_API_KEY"))


_HELP = """Serve voice sessions.

Every option can also be an environment variable (VOICEGW_GATEWAY__PORT=8000) or stand in a TOML file
(--config FILE). The model that answers: --llm-model at --llm-url, or at OPENAI_BASE_URL with
OPENAI_API_KEY; without a model's name, a small offline responder answers."""

_WORKER_HELP = """Recognise speech for the gateways that share a Redis (`voicegw serve --redis URL`).

Every option can also be an environment variable (VOICEGW_POOL__WORKERS=2) or stand in a TOML file
(--config FILE)."""

_WYOMING_SHORTCUTS = _SHORTCUTS | {
    "wyoming.url": "url",
    "wyoming.host": "host",
    "wyoming.port": "port",
    "wyoming.languages": "languages",
}
_WYOMING_HELP = """Serve Home Assistant's Wyoming protocol: transcripts by a gateway, and speech by a voice.

  voicegw serve                                    # the gateway
  voicegw wyoming --url ws://127.0.0.1:8765/v1/stream --host 0.0.0.0 --languages en,de

Then add the integration "Wyoming Protocol" in Home Assistant with this machine's address and port 10300. A
gateway that requires tokens gets the one in VOICEGW_WYOMING__TOKEN.

Every option can also be an environment variable (VOICEGW_WYOMING__PORT=10300) or stand in a TOML file
(--config FILE)."""

_SERVE = Command("voicegw serve", _HELP, _SHORTCUTS, _SECTIONS, _USUAL)
_WORKER = Command("voicegw worker", _WORKER_HELP, _SHORTCUTS, _SECTIONS, _USUAL)
_WYOMING = Command("voicegw wyoming", _WYOMING_HELP, _WYOMING_SHORTCUTS, _SECTIONS)
