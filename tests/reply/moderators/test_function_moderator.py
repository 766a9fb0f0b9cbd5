"""A function of the application as the moderator."""

import asyncio
from typing import Any

import pytest

from tests.observing import PATIENCE_S
from voicegw.errors import ConfigurationError, ModerationFailed
from voicegw.reply.moderators.function_moderator import FunctionModerator
from voicegw.reply.moderators.moderation_options import ModerationOptions


def function(name: str, **options: Any) -> FunctionModerator:
    return FunctionModerator(
        ModerationOptions(entry_point=f"tests.reply.application_functions:{name}", **options)
    )


@pytest.mark.parametrize("name", ["judge", "judge_later"])
async def test_a_function_returns_categories(name: str) -> None:
    moderator = function(name)
    assert await moderator.judge("something bad:violence") == ["violence"]
    assert await moderator.judge("something nice") == []
    await moderator.close()


async def test_the_error_of_a_function_does_not_quote_the_text() -> None:
    moderator = function("judge_badly")
    with pytest.raises(ModerationFailed) as failed:
        await moderator.judge("some words")
    assert failed.value.message == "no judgement: RuntimeError"
    await moderator.close()


async def test_sys_exit_in_a_function_is_a_failure() -> None:
    moderator = function("judge_and_leave")
    with pytest.raises(ModerationFailed):
        await moderator.judge("hello")
    await moderator.close()


async def test_a_function_has_a_time_limit() -> None:
    moderator = function("judge_for_ever", timeout_ms=1)
    with pytest.raises(ModerationFailed, match="TimeoutError"):
        await asyncio.wait_for(moderator.judge("words"), PATIENCE_S)
    await moderator.close()


def test_a_function_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="moderation: there is no function"):
        function("nobody")
