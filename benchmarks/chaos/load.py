"""Decode jobs during a fault, and their outcome, job by job.

Speakers request decodes as a session does: partials of a growing window, one at a time, then a final of the
whole utterance, and the next utterance. The expected words of each window come from a pass without faults, so
every job that is not answered, or answered with other words, is counted.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from clients.audio import read_pcm
from clients.samples import Sample
from voicegw.cluster.jobs.remote import RemoteOptions, RemoteRecognizer
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind, Shed, text_of
from voicegw.core.recognizer import Recognizer
from voicegw.errors import RecognitionFailed
from voicegw.telemetry import Metrics

STEP_S = 0.5  # of audio from one partial to the next
TIMEOUT_S = 60.0

Window = tuple[str, DecodeKind, bytes]


@dataclass
class JobOutcome:
    """Requested jobs, and those that were not answered or answered with other words than without a fault.

    shed: partials that were put off because there was too much to do, which is an answer too.
    answered_at: when each speaker got an answer, on the monotonic clock, by speaker.
    """

    asked: int = 0
    lost: int = 0
    wrong: int = 0
    shed: int = 0
    answered_at: dict[int, list[float]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """The number of jobs, and of those lost or wrong."""
        return {"jobs": self.asked, "lost_jobs": self.lost, "wrong_jobs": self.wrong}

    def recovery_s(self, since: float) -> list[float]:
        """For each speaker, the time from the fault to the first answer after it."""
        return [
            min((at for at in times if at >= since), default=since + TIMEOUT_S) - since
            for times in self.answered_at.values()
        ]


def windows(sample: Sample) -> Iterator[Window]:
    """The windows that a session would decode of the sample."""
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    step = int(2 * SAMPLE_RATE * STEP_S)
    for end in range(step, len(pcm), step):
        yield f"{sample.file} {end}", DecodeKind.PARTIAL, pcm[:end]
    yield f"{sample.file} all", DecodeKind.FINAL, pcm


class JobLoad:
    """Speakers that request decodes until they are stopped."""

    def __init__(self, recognizers: Sequence[Recognizer], samples: Sequence[Sample], speakers: int) -> None:
        self._recognizers = recognizers
        self._windows = [list(windows(sample)) for sample in samples]
        self._expected: dict[str, str] = {}
        self._speakers = speakers
        self._utterances = 0

    async def learn(self) -> None:
        """Decode each window without a fault, for comparison."""
        for window in self._windows:
            for name, kind, pcm in window:
                job = DecodeJob("reference", len(self._expected) + 1, kind, 0, pcm)
                self._expected[name] = text_of((await self._recognizers[0].decode(job)).words)

    def moment_s(self, random: Random) -> float:
        """The time from the start of the work to the fault."""
        return random.uniform(0.5, 1.5)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[JobOutcome]:
        """The speakers work during the block; after it, every job has its outcome."""
        outcome, stop = JobOutcome(), asyncio.Event()
        speakers = [
            asyncio.create_task(self._speak(number, outcome, stop), name=f"speaker-{number}")
            for number in range(self._speakers)
        ]
        try:
            yield outcome
            stop.set()
            await asyncio.gather(*speakers)
        finally:
            for speaker in speakers:
                speaker.cancel()
            await asyncio.gather(*speakers, return_exceptions=True)

    async def _speak(self, number: int, outcome: JobOutcome, stop: asyncio.Event) -> None:
        answered = outcome.answered_at.setdefault(number, [])
        recognizer = self._recognizers[number % len(self._recognizers)]
        while not stop.is_set():
            self._utterances += 1
            utterance = self._windows[self._utterances % len(self._windows)]
            for index, (name, kind, pcm) in enumerate(utterance):
                job = DecodeJob(f"speaker {number} {self._utterances}", index + 1, kind, 0, pcm)
                outcome.asked += 1
                try:
                    async with asyncio.timeout(TIMEOUT_S):
                        text = text_of((await recognizer.decode(job)).words)
                except (RecognitionFailed, TimeoutError):
                    outcome.lost += 1
                except Shed:
                    outcome.shed += 1
                else:
                    answered.append(time.monotonic())
                    outcome.wrong += text != self._expected[name]
                await asyncio.sleep(STEP_S / 4)  # the duration of the next audio, at four times real time


@asynccontextmanager
async def gateways(url: str, count: int) -> AsyncIterator[list[RemoteRecognizer]]:
    """The recognisers of `count` gateways, in this process."""
    made = [RemoteRecognizer(RedisOptions(url=url), _NEVER_SHED, Metrics()) for _ in range(count)]
    try:
        for each in made:
            await each.start()
        yield made
    finally:
        for each in made:
            await each.close()


_NEVER_SHED = RemoteOptions(shed_wait_ms=3_600_000)  # every job counts here, under any load
