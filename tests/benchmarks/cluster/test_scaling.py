import asyncio

from benchmarks.cluster.scaling import _Load
from tests.observing import until
from tests.recognition import AlwaysReady
from voicegw.core.jobs import DecodeJob, DecodeResult


class Recognizer(AlwaysReady):
    """Answers at once, and remembers who asked what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def decode(self, job: DecodeJob) -> DecodeResult:
        await asyncio.sleep(0)
        self.asked.append((job.session, job.number))
        return DecodeResult(job.session, job.number, ())


async def test_speakers_request_different_jobs_endlessly() -> None:
    recognizer = Recognizer()
    load = _Load(recognizer)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(load.ask(speaker)) for speaker in range(3)]
        await until(lambda: load.done > 30)
        for task in asking:
            task.cancel()
    assert len({number for _, number in recognizer.asked}) == len(recognizer.asked)
    assert {session for session, _ in recognizer.asked} == {"speaker 0", "speaker 1", "speaker 2"}
