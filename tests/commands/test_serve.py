"""What `voicegw serve` says about itself, and its end before it has started; tests/test_cli.py starts it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.gateway.fakes import ScriptedVoice
from tests.observing import PATIENCE_S
from voicegw.assistant import Assistant
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.commands.serve import serve, summary
from voicegw.config import Settings
from voicegw.reply.offline.offline_responder import OfflineResponder
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.telemetry import Metrics


def assistant(voice: ScriptedVoice | None = None) -> Assistant:
    toolbox = Toolbox(ToolOptions(), Metrics())
    calls = LocalBackgroundCalls(toolbox.run, ToolOptions(), Metrics())
    return Assistant(OfflineResponder(), calls, None, lambda: "", voice)


def test_the_summary_says_what_runs_where() -> None:
    told = summary(Settings(), assistant(ScriptedVoice()))
    assert told == {
        "speech_model": "base on cpu",
        "speech_detector": "webrtc",
        "replies": "offline",
        "voice": "scripted",
        "sessions": "in this process",
        "tls": "off",
    }


def test_the_summary_shows_no_password_of_redis() -> None:
    told = summary(Settings(cluster=RedisOptions(url="redis://:secret@here")), assistant())
    assert told["speech_model"] == "of the workers over redis://here:6379"
    assert "secret" not in str(told)


async def test_a_second_signal_ends_the_close_of_parts_that_were_not_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopping, forced, closing = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def close() -> None:
        closing.set()
        await asyncio.Event().wait()

    async def assemble(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> None:
        stack.push_async_callback(close)
        stopping.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("voicegw.commands.serve.on_signals", lambda: (stopping, forced))
    monkeypatch.setattr("voicegw.commands.serve.assemble", assemble)
    serving = asyncio.create_task(serve(Settings()))
    await asyncio.wait_for(closing.wait(), PATIENCE_S)
    forced.set()
    await asyncio.wait_for(serving, PATIENCE_S)
