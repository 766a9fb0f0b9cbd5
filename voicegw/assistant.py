"""Constructs the parts that make replies: the model behind its endpoints, the tools, the moderator and the
voice. Part of the composition root, like the commands."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import assert_never

import structlog

from voicegw.cluster.tools.remote_background_calls import RemoteBackgroundCalls
from voicegw.cluster.tools.tool_worker import ToolWorker
from voicegw.config import Settings, WorkerSettings
from voicegw.core.background_calls import BackgroundCalls
from voicegw.core.events import Message
from voicegw.core.moderation_queue import Moderator
from voicegw.core.responder import Responder
from voicegw.core.speech_output import Voice
from voicegw.errors import ConfigurationError
from voicegw.reply.llm.failover import FailoverResponder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.reply.llm.readiness import ModelReadiness
from voicegw.reply.moderators.endpoint_moderator import EndpointModerator
from voicegw.reply.moderators.function_moderator import FunctionModerator
from voicegw.reply.moderators.moderation_options import ModerationOptions
from voicegw.reply.offline.offline_responder import OfflineResponder
from voicegw.reply.tools import mcp_tools
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_responder import ToolResponder
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.reply.voice import espeak, piper_models
from voicegw.reply.voice.openai_speech import SpeechEndpoint
from voicegw.reply.voice.piper import PiperEngine
from voicegw.reply.voice.sentence_voice import SentenceVoice, VoiceEngine, VoiceOptions
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Assistant:
    """The parts that make replies. check_model: the status of the model for the readiness page; raises
    NotReady while the server waits for its first answer. declared: as in gateway.services.Services."""

    responder: Responder
    background_calls: BackgroundCalls
    moderator: Moderator | None
    check_model: Callable[[], str]
    voice: Voice | None
    declared: int = 0


async def assemble(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> Assistant:
    """Constructs the parts; `stack` closes them. Raises StartupError."""
    voice = make_voice(settings.voice)
    if voice is not None:
        stack.push_async_callback(voice.close)
    tools = Toolbox(settings.tools, metrics, await mcp_tools.connect(settings.tools, stack))
    stack.push_async_callback(tools.close)
    background_calls = make_background_calls(settings, tools, metrics)
    stack.push_async_callback(background_calls.close)
    model = _model(settings, tools, metrics)
    moderator = make_moderator(settings.moderation)
    if moderator is not None:
        stack.push_async_callback(moderator.close)
    if model is None:
        return Assistant(OfflineResponder(), background_calls, moderator, _no_model, voice)
    responder = ToolResponder(model, tools, background_calls, settings.tools)
    stack.push_async_callback(responder.close)
    prompt = settings.session.dialogue.system_prompt
    messages = (Message("system", prompt),) if prompt else ()
    readiness = ModelReadiness(model, messages, settings.failover.ready_wait_ms)
    probing = asyncio.create_task(readiness.probe(), name="model readiness")
    stack.callback(probing.cancel)
    declared = tools.definition_characters
    return Assistant(responder, background_calls, moderator, readiness.check, voice, declared)


def model_endpoints(settings: Settings) -> list[LLMOptions]:
    """The one or two endpoints of the model; none when none is configured. Raises ConfigurationError."""
    if settings.llm_fallback.configured and not settings.llm.configured:
        raise ConfigurationError("llm_fallback is used when `llm` fails: configure `llm` first")
    return [options for options in (settings.llm, settings.llm_fallback) if options.configured]


def _model(settings: Settings, tools: Toolbox, metrics: Metrics) -> FailoverResponder | None:
    """The model with its endpoints; None when none is configured."""
    configured = model_endpoints(settings)
    if not configured:
        log.info("no model endpoint is configured; the offline responder answers")
        return None
    count = metrics.llm_prewarm_tokens.inc
    endpoints = [LLMResponder(options, tools.definitions, count) for options in configured]
    return FailoverResponder(endpoints, settings.failover, metrics)


def make_voice(options: VoiceOptions) -> Voice | None:
    """The voice of replies, if there is one. Raises StartupError for an engine that is not available."""
    engine = options.engine
    if engine is VoiceEngine.AUTO:
        engine = _installed_engine(options)
        log.info("voice", engine=engine.value)
    match engine:
        case VoiceEngine.PIPER:
            return SentenceVoice(PiperEngine(options), options)
        case VoiceEngine.OPENAI:
            return SentenceVoice(SpeechEndpoint(options), options)
        case VoiceEngine.ESPEAK:
            return SentenceVoice(espeak.EspeakEngine(options), options)
        case VoiceEngine.NONE | VoiceEngine.AUTO:  # `auto` is resolved above
            return None
        case _:
            assert_never(engine)


def _installed_engine(options: VoiceOptions) -> VoiceEngine:
    """The best engine on this machine."""
    if piper_models.installed(options.model):
        return VoiceEngine.PIPER
    return VoiceEngine.ESPEAK if espeak.installed() else VoiceEngine.NONE


def _no_model() -> str:
    return "no model endpoint is configured"


def make_moderator(options: ModerationOptions) -> Moderator | None:
    """The moderator of text, if one is configured. Raises ConfigurationError."""
    if options.entry_point is not None:
        return FunctionModerator(options)
    return EndpointModerator(options) if options.configured else None


def make_background_calls(settings: Settings, tools: Toolbox, metrics: Metrics) -> BackgroundCalls:
    """The background calls: in this process, or in workers over Redis. Raises ConfigurationError."""
    if not settings.background_calls.by_workers:
        return LocalBackgroundCalls(tools.run, settings.tools, metrics)
    if settings.cluster.url is None:
        raise ConfigurationError(
            "background_calls.by_workers needs a Redis that the workers share: --redis URL"
        )
    return RemoteBackgroundCalls(settings.cluster, settings.background_calls)


async def make_tool_worker(settings: WorkerSettings, metrics: Metrics, stack: AsyncExitStack) -> ToolWorker:
    """The worker that makes the background calls of gateways, with its tools, which `stack` closes. Raises
    ConfigurationError."""
    tools = Toolbox(settings.tools, metrics, await mcp_tools.connect(settings.tools, stack))
    stack.push_async_callback(tools.close)
    return ToolWorker(settings.cluster, settings.tool_worker, tools.run, metrics)
