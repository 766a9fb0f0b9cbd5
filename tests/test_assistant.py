"""The parts that make replies are those of the settings."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from voicegw.assistant import Assistant, assemble
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.cluster.tools.remote_background_calls import RemoteBackgroundCallOptions, RemoteBackgroundCalls
from voicegw.config import Settings
from voicegw.errors import ConfigurationError, NotReady, StartupError
from voicegw.reply.llm.llm_responder import LLMOptions
from voicegw.reply.moderators.endpoint_moderator import EndpointModerator
from voicegw.reply.moderators.function_moderator import FunctionModerator
from voicegw.reply.moderators.moderation_options import ModerationOptions
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.voice import espeak, piper_models
from voicegw.reply.voice.sentence_voice import VoiceEngine, VoiceOptions
from voicegw.telemetry import Metrics

NOWHERE = LLMOptions(url="http://127.0.0.1:9/v1", model="tiny")


async def assembled(voice: VoiceEngine = VoiceEngine.NONE, **settings: Any) -> Assistant:
    async with AsyncExitStack() as stack:
        return await assemble(Settings(voice=VoiceOptions(engine=voice), **settings), Metrics(), stack)


async def test_without_an_endpoint_the_offline_responder_is_used() -> None:
    assistant = await assembled()
    assert assistant.responder.name == "offline"
    assert assistant.check_model() == "no model endpoint is configured"


async def test_with_an_endpoint_readiness_waits_for_it() -> None:
    assistant = await assembled(llm=NOWHERE)
    assert assistant.responder.name == "tiny"
    with pytest.raises(NotReady):
        assistant.check_model()


async def test_a_fallback_needs_a_first_endpoint() -> None:
    with pytest.raises(ConfigurationError, match="llm_fallback"):
        await assembled(llm_fallback=NOWHERE)


async def test_an_invalid_tool_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"tools\.functions"):
        await assembled(tools=ToolOptions(functions=({"name": "it"},)))


async def test_the_moderator_is_the_configured_one() -> None:
    assert (await assembled()).moderator is None
    endpoint = ModerationOptions(model="m", url="http://127.0.0.1:9")
    assert isinstance((await assembled(moderation=endpoint)).moderator, EndpointModerator)
    function = ModerationOptions(entry_point="tests.reply.application_functions:judge")
    assert isinstance((await assembled(moderation=function)).moderator, FunctionModerator)


async def test_background_calls_run_in_this_process_or_in_workers() -> None:
    assert isinstance((await assembled()).background_calls, LocalBackgroundCalls)
    by_workers = RemoteBackgroundCallOptions(by_workers=True)
    cluster = RedisOptions(url="redis://127.0.0.1:9")
    assert isinstance(
        (await assembled(background_calls=by_workers, cluster=cluster)).background_calls,
        RemoteBackgroundCalls,
    )
    with pytest.raises(ConfigurationError, match="--redis"):
        await assembled(background_calls=by_workers)


@pytest.mark.parametrize(
    ("engine", "program", "name"),
    [
        (VoiceEngine.PIPER, "espeak-not-there", "piper"),
        (VoiceEngine.ESPEAK, "espeak-ng", "espeak"),
        (VoiceEngine.OPENAI, "espeak-not-there", "gpt-4o-mini-tts"),
        (VoiceEngine.NONE, "espeak-ng", None),
    ],
)
async def test_the_voice_is_the_configured_one(
    engine: VoiceEngine, program: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak, "PROGRAM", program)
    voice = (await assembled(engine)).voice
    assert (None if voice is None else voice.name) == name


@pytest.mark.parametrize(
    ("library", "program", "name"),
    [
        ("piper", "espeak-ng", "piper"),
        ("piper-not-there", "espeak-ng", "espeak"),
        ("piper-not-there", "espeak-not-there", None),
    ],
)
async def test_auto_takes_the_best_engine_that_is_installed(
    library: str, program: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piper_models, "LIBRARY", library)
    monkeypatch.setattr(espeak, "PROGRAM", program)
    voice = (await assembled(VoiceEngine.AUTO)).voice
    assert (None if voice is None else voice.name) == name


async def test_an_engine_that_is_not_installed_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "PROGRAM", "espeak-not-there")
    with pytest.raises(StartupError, match="not installed"):
        await assembled(VoiceEngine.ESPEAK)
