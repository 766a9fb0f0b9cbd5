"""Each check of what makes replies against the real part, once as it should be and once not."""

import sys
from pathlib import Path

import pytest

from tests.commands.test_part_checks import found, only
from tests.llm_server import LLMServer
from tests.redis_server import free_port
from tests.reply.tools.test_mcp_tools import NAMES, SHOP
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.cluster.tools.remote_background_calls import RemoteBackgroundCallOptions
from voicegw.commands.findings import Status
from voicegw.config import Settings
from voicegw.reply.llm.llm_responder import LLMOptions
from voicegw.reply.moderators.moderation_options import ModerationOptions
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.voice.sentence_voice import VoiceEngine, VoiceOptions

FUNCTION = {"name": "reject", "description": "Rejects.", "entry_point": f"{__name__}:rejects"}


def rejects(text: str) -> list[str]:
    """A moderator that likes no text."""
    return ["everything"]


def passes(text: str) -> list[str]:
    """A moderator that likes every text."""
    return []


async def test_every_model_endpoint_is_asked() -> None:
    async with LLMServer() as server:
        there = LLMOptions(url=server.url, model="test")
        away = LLMOptions(url=f"http://me:secret@127.0.0.1:{free_port()}/v1", model="other")
        findings = await found("model_endpoints", Settings(llm=there, llm_fallback=away))
    assert [finding.status for finding in findings] == [Status.OK, Status.WRONG]
    assert "other at http://127.0.0.1" in findings[1].found
    assert "secret" not in findings[1].found
    assert (await only("model_endpoints", Settings())).status is Status.NOTE
    fallback = await only("model_endpoints", Settings(llm_fallback=away))
    assert fallback.status is Status.WRONG


async def test_the_voice_speaks() -> None:
    espeak = await only("voice", Settings(voice=VoiceOptions(engine=VoiceEngine.ESPEAK)))
    assert espeak.status is Status.OK
    away = VoiceOptions(
        engine=VoiceEngine.OPENAI, url=f"http://127.0.0.1:{free_port()}/v1", model="tts", name="alloy"
    )
    assert (await only("voice", Settings(voice=away))).status is Status.WRONG
    assert (await only("voice", Settings(voice=VoiceOptions(engine=VoiceEngine.NONE)))).status is Status.NOTE


async def test_every_mcp_server_is_asked() -> None:
    away = {"name": "away", "command": [sys.executable, "-c", "pass"]}
    findings = await found("tools", Settings(tools=ToolOptions(mcp=(SHOP, away))))
    assert [finding.status for finding in findings] == [Status.OK, Status.WRONG, Status.OK]
    assert f"{len(NAMES)} tools" in findings[0].found
    assert "away" in findings[1].found
    [wrong, _] = await found("tools", Settings(tools=ToolOptions(mcp=({"name": "shop"},))))
    assert wrong.status is Status.WRONG
    assert {finding.status for finding in await found("tools", Settings())} == {Status.OK}


async def test_declared_functions_are_counted() -> None:
    [_, good] = await found("tools", Settings(tools=ToolOptions(functions=(FUNCTION,))))
    assert (good.status, good.found) == (Status.OK, "1 that the model may call")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (ToolOptions(file=Path("/nowhere")), "/nowhere"),
        (ToolOptions(functions=(FUNCTION | {"entry_point": "nonesuch:book"},)), "nonesuch:book"),
        (ToolOptions(functions=(FUNCTION, FUNCTION)), "declared twice"),
        (ToolOptions(functions=(FUNCTION | {"name": "shop_price"},), mcp=(SHOP,)), "declared twice"),
    ],
)
async def test_tools_are_those_that_the_server_takes(options: ToolOptions, named: str) -> None:
    finding = (await found("tools", Settings(tools=options)))[-1]
    assert (finding.part, finding.status) == ("tools", Status.WRONG)
    assert named in finding.found


async def test_background_calls_need_a_redis() -> None:
    by_workers = RemoteBackgroundCallOptions(by_workers=True)
    cluster = RedisOptions(url=f"redis://127.0.0.1:{free_port()}")
    wrong = await only("background_calls", Settings(background_calls=by_workers))
    good = await only("background_calls", Settings(background_calls=by_workers, cluster=cluster))
    assert [wrong.status, good.status] == [Status.WRONG, Status.OK]
    assert (await only("background_calls", Settings())).status is Status.OK


async def test_a_word_is_moderated() -> None:
    async def judged(name: str) -> Status:
        options = ModerationOptions(entry_point=f"{__name__}:{name}")
        return (await only("moderation", Settings(moderation=options))).status

    statuses = [await judged(name) for name in ("passes", "rejects", "missing")]
    assert statuses == [Status.OK, Status.WRONG, Status.WRONG]
    away = ModerationOptions(model="omni", url=f"http://127.0.0.1:{free_port()}/v1")
    assert (await only("moderation", Settings(moderation=away))).status is Status.WRONG
    assert (await only("moderation", Settings())).status is Status.OK
