"""Each check of what makes replies against the real part, once as it should be and once not."""

import sys

from tests.commands.test_part_checks import found, only
from tests.llm_server import LLMServer
from tests.redis_server import free_port
from tests.reply.tools.test_mcp_tools import NAMES, SHOP
from voicegw.commands.findings import Status
from voicegw.config import Settings
from voicegw.reply.llm.llm_responder import LLMOptions
from voicegw.reply.moderators.moderation_options import ModerationOptions
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.voice.sentence_voice import VoiceEngine, VoiceOptions


def rejects(text: str) -> list[str]:
    """A moderator that likes no text."""
    return ["everything"]


def passes(text: str) -> list[str]:
    """A moderator that likes every text."""
    return []


async def test_every_model_endpoint_is_asked() -> None:
    async with LLMServer() as server:
        there = LLMOptions(url=server.url, model="test")
        away = LLMOptions(url=f"http://127.0.0.1:{free_port()}/v1", model="other")
        findings = await found("model_endpoints", Settings(llm=there, llm_fallback=away))
    assert [finding.status for finding in findings] == [Status.OK, Status.WRONG]
    assert "other" in findings[1].found
    assert (await only("model_endpoints", Settings())).status is Status.NOTE


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
    findings = await found("mcp_servers", Settings(tools=ToolOptions(mcp=(SHOP, away))))
    assert [finding.status for finding in findings] == [Status.OK, Status.WRONG]
    assert f"{len(NAMES)} tools" in findings[0].found
    assert "away" in findings[1].found
    wrong = await only("mcp_servers", Settings(tools=ToolOptions(mcp=({"name": "shop"},))))
    assert wrong.status is Status.WRONG
    assert (await only("mcp_servers", Settings())).status is Status.OK


async def test_a_word_is_moderated() -> None:
    async def judged(name: str) -> Status:
        options = ModerationOptions(entry_point=f"{__name__}:{name}")
        return (await only("moderation", Settings(moderation=options))).status

    assert [await judged(name) for name in ("passes", "rejects", "missing")] == [
        *(Status.OK, Status.WRONG, Status.WRONG)
    ]
    away = ModerationOptions(model="omni", url=f"http://127.0.0.1:{free_port()}/v1")
    assert (await only("moderation", Settings(moderation=away))).status is Status.WRONG
    assert (await only("moderation", Settings())).status is Status.OK
