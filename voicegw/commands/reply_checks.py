"""The checks of what makes replies: the language model, the voice, tools, MCP servers and moderation."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from voicegw.assistant import make_background_calls, make_moderator, make_voice, model_endpoints
from voicegw.commands.findings import Finding, Status
from voicegw.config import Settings
from voicegw.core.events import Message
from voicegw.core.responder import ReplyRequest
from voicegw.errors import ModerationFailed, ReplyError, StartupError, VoicegwError
from voicegw.reply.llm.llm_responder import LLMResponder
from voicegw.reply.tools import mcp_tools
from voicegw.reply.tools.mcp_declarations import declared_servers
from voicegw.reply.tools.tool_backends import Backend
from voicegw.reply.tools.tool_declarations import Tool, ToolOptions
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.telemetry import Metrics

_SENTENCE, _SENTENCE_RATE = "Hello.", 16_000


async def _check_model_endpoints(settings: Settings) -> AsyncIterator[Finding]:
    """Sends a minimal request to each endpoint."""
    part = "language model"
    try:
        configured = model_endpoints(settings)
    except StartupError as error:
        yield Finding(part, Status.WRONG, error.message, "--llm-url and --llm-model name the first one")
        return
    if not configured:
        found = "none is configured: the offline responder answers"
        yield Finding(part, Status.NOTE, found, "--llm-url and --llm-model name one")
    for options in configured:
        begin = time.monotonic()
        try:
            responder = LLMResponder(options)
            try:
                await responder.warm(ReplyRequest((Message("user", "hello"),)))
            finally:
                await responder.close()
        except (ReplyError, StartupError) as error:
            where = f"{options.model} at {options.shown_url}"
            remedy = "start the endpoint, or correct --llm-url, --llm-model or OPENAI_API_KEY"
            yield Finding(part, Status.WRONG, f"{where}: {error.message}", remedy)
        else:
            took_ms = (time.monotonic() - begin) * 1000
            found = f"{responder.name} at {responder.url} answered in {took_ms:.0f} ms"
            yield Finding(part, Status.OK, found)


async def _check_voice(settings: Settings) -> AsyncIterator[Finding]:
    """Speaks a word."""
    try:
        voice = make_voice(settings.voice)
        if voice is None:
            remedy = "--voice-engine names one; auto finds espeak-ng or the extra `voice`"
            yield Finding("voice", Status.NOTE, "none: replies are text only", remedy)
            return
        begin, first_s = time.monotonic(), 0.0
        try:
            async with aclosing(voice.speak(_SENTENCE, _SENTENCE_RATE, "en")) as pieces:
                async for _ in pieces:
                    first_s = first_s or time.monotonic() - begin
        finally:
            await voice.close()
    except VoicegwError as error:
        remedy = "choose another --voice-engine, or see scripts/deploy/assistant.md"
        yield Finding("voice", Status.WRONG, error.message, remedy)
    else:
        yield Finding("voice", Status.OK, f"{voice.name} spoke after {first_s * 1000:.0f} ms")


async def _check_tools(settings: Settings) -> AsyncIterator[Finding]:
    """Constructs the tools: those of MCP servers, which are asked for them, and the declared functions."""
    found: list[tuple[Tool, Backend]] = []
    async for finding in _ask_mcp_servers(settings, found):
        yield finding
    try:
        tools = Toolbox(settings.tools, Metrics(), found)
        await tools.close()
    except StartupError as error:
        yield Finding("tools", Status.WRONG, error.message, "correct [[tools.functions]] or --tools.file")
    else:
        count = len(tools.definitions)
        yield Finding("tools", Status.OK, f"{count} that the model may call" if count else "none")


async def _check_background_calls(settings: Settings) -> AsyncIterator[Finding]:
    part, tools = "background calls", Toolbox(ToolOptions(), Metrics())
    try:
        calls = make_background_calls(settings, tools, Metrics())
        await calls.close()
    except StartupError as error:
        yield Finding(
            part, Status.WRONG, error.message, "correct --redis, or omit --background-calls.by-workers"
        )
    else:
        where = "workers over Redis" if settings.background_calls.by_workers else "this process"
        yield Finding(part, Status.OK, f"in {where}")


async def _ask_mcp_servers(settings: Settings, found: list[tuple[Tool, Backend]]) -> AsyncIterator[Finding]:
    """Connects to each server, and asks for its tools, which are added to `found`."""
    part = "MCP servers"
    if not settings.tools.mcp:
        yield Finding(part, Status.OK, "none is configured")
        return
    try:
        servers = declared_servers(settings.tools.mcp)
    except StartupError as error:
        yield Finding(part, Status.WRONG, error.message, "correct [[tools.mcp]]")
        return
    for raw, server in zip(settings.tools.mcp, servers, strict=True):
        begin = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                tools = await mcp_tools.connect(replace(settings.tools, mcp=(raw,)), stack)
                took_ms = (time.monotonic() - begin) * 1000
        except StartupError as error:
            remedy = "start the server, or correct its `command`, `url` or `tools` in [[tools.mcp]]"
            yield Finding(part, Status.WRONG, error.message, remedy)
        else:
            found += tools
            told = f"{server.name} answered in {took_ms:.0f} ms with {len(tools)} tools"
            yield Finding(part, Status.OK, told)


async def _check_moderation(settings: Settings) -> AsyncIterator[Finding]:
    """Has a word judged."""
    part, begin = "moderation", time.monotonic()
    try:
        moderator = make_moderator(settings.moderation)
        if moderator is None:
            yield Finding(part, Status.OK, "off")
            return
        try:
            found = await moderator.judge(_SENTENCE)
        finally:
            await moderator.close()
    except (ModerationFailed, StartupError) as error:
        remedy = "start the endpoint, or correct the options `moderation`; text is shown without a judgement"
        yield Finding(part, Status.WRONG, error.message, remedy)
        return
    took_ms = (time.monotonic() - begin) * 1000
    if found:
        remedy = "correct the moderator: every conversation would be stopped"
        yield Finding(part, Status.WRONG, f"it rejects {_SENTENCE!r}: {', '.join(found)}", remedy)
    else:
        yield Finding(part, Status.OK, f"judged a word in {took_ms:.0f} ms")


REPLY_CHECKS = (
    _check_model_endpoints,
    _check_voice,
    _check_tools,
    _check_background_calls,
    _check_moderation,
)
