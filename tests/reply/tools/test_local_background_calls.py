"""BackgroundCalls in the process: queued, worked off, followed, forgotten."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.errors import ToolFailed
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.telemetry import Metrics

RESULT = CallProgress("done", done=True)


class Work:
    """Says "half", waits for the gate, says "done"; counts how many run at a time."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.running = self.most = self.finished = 0

    async def run(self, call: ToolCalled) -> AsyncGenerator[CallProgress, None]:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            yield CallProgress("half")
            await self.gate.wait()
            yield RESULT
            self.finished += 1
        finally:
            self.running -= 1


@asynccontextmanager
async def background_calls(
    work: Work, *, waiting: int = 10, at_once: int = 2
) -> AsyncIterator[LocalBackgroundCalls]:
    home = LocalBackgroundCalls(
        work.run, ToolOptions(max_background=waiting, background_at_once=at_once), Metrics()
    )
    try:
        yield home
    finally:
        await home.close()


def call(number: int = 1) -> ToolCalled:
    return ToolCalled(f"c{number}", "book", "{}")


async def news(home: LocalBackgroundCalls, background_call: str) -> list[CallProgress]:
    async with aclosing(home.follow(background_call)) as reports:
        return [report async for report in reports]


async def test_news_come_as_they_happen() -> None:
    work = Work()
    async with background_calls(work) as home, aclosing(home.follow(await home.submit(call()))) as reports:
        assert await asyncio.wait_for(anext(reports), 5) == CallProgress("half")
        work.gate.set()
        assert await asyncio.wait_for(anext(reports), 5) == RESULT
        assert await anext(reports, None) is None


async def test_a_result_waits_for_its_follower() -> None:
    work = Work()
    work.gate.set()
    async with background_calls(work) as home:
        background_call = await home.submit(call())
        await asyncio.sleep(0.01)
        assert await news(home, background_call) == [CallProgress("half"), RESULT]


async def test_so_many_run_at_once_and_the_rest_wait() -> None:
    work = Work()
    async with background_calls(work, at_once=2) as home:
        names = [await home.submit(call(number)) for number in range(5)]
        await asyncio.sleep(0.01)
        work.gate.set()
        assert [(await news(home, name))[-1] for name in names] == [RESULT] * 5
    assert (work.most, work.finished) == (2, 5)


async def test_a_full_queue_refuses() -> None:
    async with background_calls(Work(), waiting=1, at_once=1) as home:
        await home.submit(call())
        await asyncio.sleep(0)  # the first one is being worked on now
        await home.submit(call())
        with pytest.raises(ToolFailed, match="too many"):
            await home.submit(call())


async def test_after_the_queue_was_empty_work_goes_on() -> None:
    work = Work()
    work.gate.set()
    async with background_calls(work, at_once=1) as home:
        for _ in range(3):
            assert (await news(home, await home.submit(call())))[-1] == RESULT


async def test_an_background_call_nobody_knows_has_failed() -> None:
    async with background_calls(Work()) as home:
        (report,) = await news(home, "nothing")
    assert report.done
    assert not report.ok


async def test_a_follower_that_leaves_does_not_stop_the_background_call() -> None:
    work = Work()
    async with background_calls(work) as home:
        follower = asyncio.create_task(news(home, await home.submit(call())))
        await asyncio.sleep(0.01)
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
        work.gate.set()
        await asyncio.sleep(0.01)
    assert work.finished == 1


async def test_results_that_nobody_fetches_do_not_pile_up() -> None:
    work = Work()
    work.gate.set()
    async with background_calls(work, waiting=1, at_once=1) as home:
        first = await home.submit(call())
        for _ in range(10):
            await asyncio.sleep(0.001)
            await home.submit(call())
        assert [report.content for report in await news(home, first)] == ['{"error":"the call was lost"}']


async def test_closing_stops_what_runs() -> None:
    work = Work()
    async with background_calls(work) as home:
        await home.submit(call())
        await asyncio.sleep(0.01)
        assert work.running == 1
    assert work.running == 0


async def test_one_owner_leaves_a_place_for_others() -> None:
    work = Work()
    async with background_calls(work, at_once=3) as home:
        calls = [AskedCall(f"c{number}", "book", "{}", "alice", "s1") for number in range(3)]
        names = [await home.submit(call) for call in calls[:2]]
        with pytest.raises(ToolFailed):
            await home.submit(calls[2])
        theirs = await home.submit(AskedCall("c1", "book", "{}", "bob", "s2"))
        work.gate.set()
        for name in (theirs, *names):
            assert (await news(home, name))[-1] == RESULT
        await home.submit(calls[2])
