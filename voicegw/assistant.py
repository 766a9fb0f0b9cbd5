"""Assembles the components of replies: the model with its endpoints, the tools, the moderator and the voice.
Part of the composition root, with cli.py."""

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
from voicegw.reply import voice_espeak
from voicegw.reply.failover import FailoverResponder
from voicegw.reply.llm import LLMResponder
from voicegw.reply.local_background_calls import LocalBackgroundCalls
from voicegw.reply.moderation import EndpointModerator, FunctionModerator, ModerationOptions
from voicegw.reply.offline import OfflineResponder
from voicegw.reply.readiness import FirstAnswer
from voicegw.reply.tool_rounds import ToolResponder
from voicegw.reply.toolbox import Toolbox
from voicegw.reply.voice import SentenceVoice, VoiceEngine, VoiceOptions
from voicegw.reply.voice_openai import SpeechEndpoint
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Assistant:
    """The components of replies. check_model: the text of the readiness page on the model; raises NotReady
    until the model has answered. declared: as in gateway.services.Services."""

    responder: Responder
    background_calls: BackgroundCalls
    moderator: Moderator | None
    check_model: Callable[[], str]
    voice: Voice | None
    declared: int = 0


async def assemble(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> Assistant:
    """Makes all components; `stack` closes them. Raises StartupError."""
    voice = _voice(settings.voice)
    if voice is not None:
        stack.push_async_callback(voice.close)
    tools = Toolbox(settings.tools, metrics)
    stack.push_async_callback(tools.close)
    background_calls = _background_calls(settings, tools, metrics)
    stack.push_async_callback(background_calls.close)
    model = _model(settings, tools, metrics)
    moderator = _moderator(settings.moderation)
    if moderator is not None:
        stack.push_async_callback(moderator.close)
    if model is None:
        return Assistant(OfflineResponder(), background_calls, moderator, _no_model, voice)
    responder = ToolResponder(model, tools, background_calls, settings.tools)
    stack.push_async_callback(responder.close)
    prompt = settings.session.dialogue.system_prompt
    opening = (Message("system", prompt),) if prompt else ()
    first = FirstAnswer(model, opening, settings.failover.ready_wait_ms)
    asking = asyncio.create_task(first.ask(), name="first answer")
    stack.callback(asking.cancel)
    return Assistant(responder, background_calls, moderator, first.check, voice, tools.declared)


def _model(settings: Settings, tools: Toolbox, metrics: Metrics) -> FailoverResponder | None:
    """The model with its endpoints; None when none is configured."""
    if not settings.llm.configured:
        if settings.llm_fallback.configured:
            raise ConfigurationError("llm_fallback replaces a failed `llm`: configure `llm` first")
        log.info("no model endpoint is configured; the offline responder answers")
        return None
    chosen = [options for options in (settings.llm, settings.llm_fallback) if options.configured]
    endpoints = [LLMResponder(options, tools.offers, metrics.llm_prewarm_tokens.inc) for options in chosen]
    return FailoverResponder(endpoints, settings.failover, metrics)


def _voice(options: VoiceOptions) -> Voice | None:
    """The voice of replies, or None. Raises StartupError when the chosen engine is not available."""
    engine = options.engine
    if engine is VoiceEngine.AUTO:
        engine = VoiceEngine.ESPEAK if voice_espeak.installed() else VoiceEngine.NONE
        log.info("voice", engine=engine.value)
    match engine:
        case VoiceEngine.OPENAI:
            return SentenceVoice(SpeechEndpoint(options), options)
        case VoiceEngine.ESPEAK:
            return SentenceVoice(voice_espeak.EspeakEngine(options), options)
        case VoiceEngine.NONE | VoiceEngine.AUTO:  # `auto` is resolved above
            return None
        case _:
            assert_never(engine)


def _no_model() -> str:
    return "no model endpoint is configured"


def _moderator(options: ModerationOptions) -> Moderator | None:
    """The moderator, or None when none is configured."""
    if options.entry_point is not None:
        return FunctionModerator(options)
    return EndpointModerator(options) if options.configured else None


def _background_calls(settings: Settings, tools: Toolbox, metrics: Metrics) -> BackgroundCalls:
    """Runs background tool calls: in this process, or by workers."""
    if not settings.background_calls.by_workers:
        return LocalBackgroundCalls(tools.run, settings.tools, metrics)
    if settings.cluster.url is None:
        raise ConfigurationError(
            "background_calls.by_workers needs a Redis that the workers share: --redis URL"
        )
    return RemoteBackgroundCalls(settings.cluster, settings.background_calls)


async def run_tool_worker(settings: WorkerSettings, metrics: Metrics, stopping: asyncio.Event) -> None:
    """Runs the tool calls that gateways submit to Redis, until `stopping` is set and the taken ones are done.

    Raises ConfigurationError.
    """
    tools = Toolbox(settings.tools, metrics)
    worker = ToolWorker(settings.cluster, settings.tool_worker, tools.run, metrics)
    working = asyncio.create_task(worker.run(), name="tool worker")
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        worker.leave()
        await working
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
        await tools.close()
