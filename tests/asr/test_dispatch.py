"""Which worker of which process gets the next batch; the processes are stand-ins that live until told."""

import asyncio
from typing import cast

import pytest
from msgspec.structs import replace

from tests.observing import PATIENCE_S
from tests.speech import job
from voicegw.asr.batcher import Entry
from voicegw.asr.dispatch import Dispatcher, Place
from voicegw.asr.process import WorkerProcess


class Process:
    """A process that dies when it is told to."""

    lost = False

    def __init__(self) -> None:
        self.died = asyncio.Event()

    async def death(self) -> None:
        await self.died.wait()


def place() -> Place:
    return Place(cast(WorkerProcess, Process()))


def entry(session: str, *, alone: bool = False, background: bool = False) -> Entry[None]:
    return Entry(replace(job(b"", session=session), background=background), None, alone)


async def waits(asked: "asyncio.Task[list[Entry[None]]]") -> bool:
    for _ in range(20):
        await asyncio.sleep(0)
    return not asked.done()


def ask(dispatcher: Dispatcher[None], there: Place) -> "asyncio.Task[list[Entry[None]]]":
    return asyncio.create_task(dispatcher.next(there))


async def test_batches_go_to_the_workers_of_all_processes() -> None:
    dispatcher: Dispatcher[None] = Dispatcher()
    for session in "abc":
        await dispatcher.add(entry(session))
    one, other = place(), place()
    taken = [await dispatcher.next(there) for there in (one, one, other)]
    assert [[each.job.session for each in batch] for batch in taken] == [["a"], ["b"], ["c"]]


async def test_a_job_that_is_to_be_alone_waits_for_the_others_of_its_process() -> None:
    dispatcher, there = Dispatcher[None](), place()
    await dispatcher.add(entry("a"))
    running = await dispatcher.next(there)
    await dispatcher.add(entry("suspect", alone=True))
    asked = ask(dispatcher, there)
    assert await waits(asked)
    await dispatcher.done(there, running)
    [suspect] = await asked
    assert suspect.job.session == "suspect"


async def test_nothing_else_runs_in_the_process_of_a_job_that_is_alone() -> None:
    dispatcher, there, elsewhere = Dispatcher[None](), place(), place()
    await dispatcher.add(entry("suspect", alone=True))
    running = await dispatcher.next(there)
    await dispatcher.add(entry("a"))
    await dispatcher.add(entry("b"))
    asked = ask(dispatcher, there)
    assert await waits(asked)
    assert await dispatcher.next(elsewhere)
    await dispatcher.done(there, running)
    assert [each.job.session for each in await asked] == ["b"]


async def test_the_worker_of_a_dead_process_gets_nothing() -> None:
    dispatcher, there = Dispatcher[None](), place()
    asked = ask(dispatcher, there)
    assert await waits(asked)
    cast(Process, there.process).died.set()
    assert await asked == []
    await dispatcher.add(entry("a"))
    assert len(dispatcher.queue) == 1


async def test_the_workers_of_a_process_that_is_about_to_be_replaced_get_nothing() -> None:
    dispatcher, there = Dispatcher[None](), place()
    cast(Process, there.process).lost = True
    asked = ask(dispatcher, there)
    await dispatcher.add(entry("a"))
    assert await waits(asked)
    assert len(dispatcher.queue) == 1
    cast(Process, there.process).died.set()
    assert await asked == []


@pytest.mark.parametrize("batch", [1, 3])
async def test_a_batch_is_as_large_as_it_may_be(batch: int) -> None:
    dispatcher, there = Dispatcher[None](), place()
    dispatcher.batch = batch
    for session in "abcd":
        await dispatcher.add(entry(session))
    assert len(await dispatcher.next(there)) == batch


async def test_recordings_leave_half_of_the_workers_to_conversations() -> None:
    dispatcher, there = Dispatcher[None](), place()
    dispatcher.workers = 3
    for number in "12":
        await dispatcher.add(entry(number, background=True))
    running = await dispatcher.next(there)
    second = ask(dispatcher, there)
    assert await waits(second)
    await dispatcher.add(entry("conversation"))
    assert [each.job.session for each in await second] == ["conversation"]
    third = ask(dispatcher, there)
    assert await waits(third)
    await dispatcher.done(there, running)
    assert [each.job.session for each in await third] == ["2"]


# --- batches that gather ---


async def gathering(seconds: float = 60.0) -> tuple[Dispatcher[None], Place, list[Entry[None]]]:
    """A dispatcher of batches of two, a process that decodes, and its batch."""
    dispatcher, there = Dispatcher[None](), place()
    dispatcher.batch, dispatcher.gather_s, dispatcher.workers = 2, seconds, 2
    await dispatcher.add(entry("first"))
    return dispatcher, there, await dispatcher.next(there)


async def test_a_job_at_an_idle_process_does_not_wait() -> None:
    _, _, running = await gathering()
    assert len(running) == 1


async def test_jobs_gather_while_the_process_decodes_until_the_batch_is_full() -> None:
    dispatcher, there, _ = await gathering()
    asked = ask(dispatcher, there)
    await dispatcher.add(entry("a"))
    assert await waits(asked)
    assert there.gathers_until is not None
    await dispatcher.add(entry("b"))
    assert [each.job.session for each in await asked] == ["a", "b"]
    assert there.gathers_until is None  # the next batch has its own time


async def test_what_gathers_is_taken_when_the_process_is_idle() -> None:
    dispatcher, there, running = await gathering()
    asked = ask(dispatcher, there)
    await dispatcher.add(entry("a"))
    assert await waits(asked)
    await dispatcher.done(there, running)
    assert len(await asked) == 1


async def test_what_gathers_is_taken_when_its_time_is_over() -> None:
    dispatcher, there, _ = await gathering(0.01)
    await dispatcher.add(entry("a"))
    async with asyncio.timeout(PATIENCE_S):
        assert len(await dispatcher.next(there)) == 1


async def test_what_gathers_at_one_process_is_taken_by_an_idle_one() -> None:
    dispatcher, there, _ = await gathering()
    asked = ask(dispatcher, there)
    await dispatcher.add(entry("a"))
    assert await waits(asked)
    assert len(await dispatcher.next(place())) == 1
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def test_a_recording_shares_no_batch_and_does_not_gather() -> None:
    dispatcher, there, _ = await gathering()
    await dispatcher.add(entry("a", background=True))
    async with asyncio.timeout(PATIENCE_S):
        assert len(await dispatcher.next(there)) == 1


async def test_a_worker_rests_while_a_job_that_is_to_be_alone_waits_behind_a_gathering() -> None:
    looked = 0

    class Counting(Dispatcher[None]):
        def _next_batch(self, place: Place) -> list[Entry[None]]:
            nonlocal looked
            looked += 1
            return super()._next_batch(place)

    dispatcher, there = Counting(), place()
    dispatcher.batch, dispatcher.gather_s = 4, 0.01
    await dispatcher.add(entry("a"))
    running = await dispatcher.next(there)
    await dispatcher.add(entry("b"))
    asked = ask(dispatcher, there)
    assert await waits(asked)
    await dispatcher.add(entry("suspect", alone=True))
    await asyncio.sleep(0.1)
    assert looked < 10
    await dispatcher.done(there, running)
    [suspect] = await asked
    assert suspect.job.session == "suspect"
