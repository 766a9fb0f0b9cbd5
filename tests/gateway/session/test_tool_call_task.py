"""A session hears of its background calls at a pace that its client can take."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from voicegw.core.actions import Action, FollowBackgroundCall
from voicegw.core.background_calls import BackgroundCalls, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.core.session import Session
from voicegw.gateway.session.driver import Driver
from voicegw.gateway.session.tool_call_task import follow

pytestmark = pytest.mark.usefixtures("virtual_clock")

CALL = ToolCalled("c1", "book", "{}")


class Told:
    """What the session is told, and when."""

    def __init__(self) -> None:
        self.progress: list[CallProgress] = []
        self.performed = 0

    @property
    def dialogue(self) -> "Told":
        """The part of a session that takes the progress."""
        return self

    def receive_call_progress(self, turn: int, call: ToolCalled, progress: CallProgress) -> None:
        assert (turn, call) == (3, CALL)
        self.progress.append(progress)

    def actions(self) -> list[Action]:
        self.performed += 1
        return []


class Home:
    """Has all its reports at once."""

    def __init__(self, *contents: str) -> None:
        self.contents = contents

    async def follow(self, background_call: str) -> AsyncGenerator[CallProgress, None]:
        for number, content in enumerate(self.contents, 1):
            yield CallProgress(content, done=number == len(self.contents))


async def followed(home: Any) -> Told:
    told = Told()
    request = FollowBackgroundCall(3, CALL, "e1")
    await follow(
        cast("BackgroundCalls | None", home), request, Driver(cast(Session, told), lambda action: None)
    )
    return told


async def test_progress_reaches_the_session_in_order() -> None:
    told = await followed(Home("half", "done"))
    assert told.progress == [CallProgress("half"), CallProgress("done", done=True)]
    assert told.performed == 2


async def test_progress_is_paced_and_a_result_is_not_held_back() -> None:
    began = time.monotonic()
    await followed(Home("a", "b", "done"))
    assert time.monotonic() - began >= 0.2
    async with asyncio.timeout(0.09):
        await followed(Home("done"))


async def test_without_background_calls_there_is_nothing_to_follow() -> None:
    assert (await followed(None)).progress == []
