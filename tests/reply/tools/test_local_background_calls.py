"""Background calls in the process: the queue, the workers, the followers, and what is dropped."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from tests.spans import Spans
from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.errors import ToolFailed
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.telemetry import Metrics
from voicegw.tracing import span

pytestmark = pytest.mark.usefixtures("virtual_clock")

RESULT = CallProgress("done", done=True)


class Work:
    """Yields "half", waits for the gate, yields "done"; counts the calls that run at the same time."""

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
    work: Work, *, waiting: int = 10, at_once: int = 2, metrics: Metrics | None = None
) -> AsyncIterator[LocalBackgroundCalls]:
    options = ToolOptions(max_background=waiting, background_at_once=at_once)
    calls = LocalBackgroundCalls(work.run, options, metrics or Metrics())
    try:
        yield calls
    finally:
        await calls.close()


def call(number: int = 1) -> ToolCalled:
    return ToolCalled(f"c{number}", "book", "{}")


async def updates(calls: LocalBackgroundCalls, background_call: str) -> list[CallProgress]:
    async with aclosing(calls.follow(background_call)) as reports:
        return [report async for report in reports]


async def test_updates_arrive_when_they_occur() -> None:
    work = Work()
    async with background_calls(work) as calls, aclosing(calls.follow(await calls.submit(call()))) as reports:
        assert await asyncio.wait_for(anext(reports), 5) == CallProgress("half")
        work.gate.set()
        assert await asyncio.wait_for(anext(reports), 5) == RESULT
        assert await anext(reports, None) is None


async def test_a_result_is_kept_for_its_follower() -> None:
    work = Work()
    work.gate.set()
    async with background_calls(work) as calls:
        background_call = await calls.submit(call())
        await asyncio.sleep(0.01)
        assert await updates(calls, background_call) == [CallProgress("half"), RESULT]


async def test_the_number_of_running_calls_is_limited() -> None:
    work = Work()
    async with background_calls(work, at_once=2) as calls:
        ids = [await calls.submit(call(number)) for number in range(5)]
        await asyncio.sleep(0.01)
        work.gate.set()
        assert [(await updates(calls, id_))[-1] for id_ in ids] == [RESULT] * 5
    assert (work.most, work.finished) == (2, 5)


async def test_a_full_queue_refuses_calls() -> None:
    metrics = Metrics()
    async with background_calls(Work(), waiting=1, at_once=1, metrics=metrics) as calls:
        await calls.submit(call())
        await asyncio.sleep(0)  # the first one is running now
        await calls.submit(call())
        assert metrics.registry.get_sample_value("voicegw_background_calls_waiting") == 1
        with pytest.raises(ToolFailed, match="too many"):
            await calls.submit(call())


async def test_calls_run_after_the_queue_was_empty() -> None:
    work = Work()
    work.gate.set()
    async with background_calls(work, at_once=1) as calls:
        for _ in range(3):
            assert (await updates(calls, await calls.submit(call())))[-1] == RESULT


async def test_an_unknown_background_call_has_failed() -> None:
    async with background_calls(Work()) as calls:
        (report,) = await updates(calls, "nothing")
    assert report.done
    assert not report.ok


async def test_a_background_call_continues_without_its_follower() -> None:
    work = Work()
    async with background_calls(work) as calls:
        follower = asyncio.create_task(updates(calls, await calls.submit(call())))
        await asyncio.sleep(0.01)
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
        work.gate.set()
        await asyncio.sleep(0.01)
    assert work.finished == 1


async def test_the_number_of_results_that_are_kept_is_limited() -> None:
    work = Work()
    work.gate.set()
    async with background_calls(work, waiting=1, at_once=1) as calls:
        first = await calls.submit(call())
        for _ in range(10):
            await asyncio.sleep(0.001)
            await calls.submit(call())
        assert [report.content for report in await updates(calls, first)] == ['{"error":"the call was lost"}']


async def test_closing_cancels_running_calls() -> None:
    work = Work()
    async with background_calls(work) as calls:
        await calls.submit(call())
        await asyncio.sleep(0.01)
        assert work.running == 1
    assert work.running == 0


async def test_a_call_is_traced_under_the_span_that_submitted_it(monkeypatch: pytest.MonkeyPatch) -> None:
    spans, work = Spans(monkeypatch), Work()

    async def run(call: ToolCalled) -> AsyncGenerator[CallProgress, None]:
        with span(f"call {call.id}", current=False):
            async with aclosing(work.run(call)) as reports:
                async for report in reports:
                    yield report

    calls = LocalBackgroundCalls(run, ToolOptions(background_at_once=1), Metrics())
    submitted = []
    for number in (1, 2):  # the second waits, and the worker of the first makes it
        with span(f"turn {number}"):
            submitted.append(await calls.submit(call(number)))
    work.gate.set()
    for each in submitted:
        await updates(calls, each)
    await calls.close()
    assert [spans.path(f"call c{number}") for number in (1, 2)] == [
        ["turn 1", "call c1"],
        ["turn 2", "call c2"],
    ]


async def test_one_owner_cannot_use_all_workers() -> None:
    work = Work()
    async with background_calls(work, at_once=3) as calls:
        alices = [AskedCall(f"c{number}", "book", "{}", "alice", "s1") for number in range(3)]
        ids = [await calls.submit(call) for call in alices[:2]]
        with pytest.raises(ToolFailed):
            await calls.submit(alices[2])
        bobs = await calls.submit(AskedCall("c1", "book", "{}", "bob", "s2"))
        work.gate.set()
        for background_call in (bobs, *ids):
            assert (await updates(calls, background_call))[-1] == RESULT
        await calls.submit(alices[2])
