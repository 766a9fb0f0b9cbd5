"""Work that goes on while something fails, and the account of it, job by job.

Speakers ask as a session does: partials of a growing window, one at a time, then a final of all of it, and
the next utterance. What each window should give is known from an undisturbed pass over the same windows. So
a job that is not answered, or answered with other words, is seen, whoever is to blame.
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
GIVE_UP_S = 60.0

Window = tuple[str, DecodeKind, bytes]


@dataclass
class Account:
    """Jobs asked, and those that were not answered or answered with other words than without a fault.

    shed: partials that were put off because there was too much to do, which is an answer too.
    answered_at: when each speaker got an answer, on the monotonic clock, by speaker.
    """

    asked: int = 0
    lost: int = 0
    wrong: int = 0
    shed: int = 0
    answered_at: dict[int, list[float]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """What was asked and what became of it."""
        return {"jobs": self.asked, "lost_jobs": self.lost, "wrong_jobs": self.wrong}

    def recovery_s(self, since: float) -> list[float]:
        """For each speaker, the time from the fault to the first answer after it."""
        return [
            min((at for at in times if at >= since), default=since + GIVE_UP_S) - since
            for times in self.answered_at.values()
        ]


def windows(sample: Sample) -> Iterator[Window]:
    """What a session would have decoded of the sample."""
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    step = int(2 * SAMPLE_RATE * STEP_S)
    for end in range(step, len(pcm), step):
        yield f"{sample.file} {end}", DecodeKind.PARTIAL, pcm[:end]
    yield f"{sample.file} all", DecodeKind.FINAL, pcm


class JobLoad:
    """Speakers who go on until they are stopped."""

    def __init__(self, recognizers: Sequence[Recognizer], samples: Sequence[Sample], speakers: int) -> None:
        self._recognizers = recognizers
        self._windows = [list(windows(sample)) for sample in samples]
        self._expected: dict[str, str] = {}
        self._speakers = speakers
        self._utterances = 0

    async def learn(self) -> None:
        """What each window gives when nothing fails."""
        for window in self._windows:
            for name, kind, pcm in window:
                job = DecodeJob("reference", len(self._expected) + 1, kind, 0, pcm)
                self._expected[name] = text_of((await self._recognizers[0].decode(job)).words)

    def moment_s(self, random: Random) -> float:
        """When something is to fail."""
        return random.uniform(0.5, 1.5)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Account]:
        """The speakers speak while the block runs; after it, every job has been accounted for."""
        account, stop = Account(), asyncio.Event()
        speakers = [
            asyncio.create_task(self._speak(number, account, stop), name=f"speaker-{number}")
            for number in range(self._speakers)
        ]
        try:
            yield account
            stop.set()
            await asyncio.gather(*speakers)
        finally:
            for speaker in speakers:
                speaker.cancel()
            await asyncio.gather(*speakers, return_exceptions=True)

    async def _speak(self, number: int, account: Account, stop: asyncio.Event) -> None:
        answered = account.answered_at.setdefault(number, [])
        recognizer = self._recognizers[number % len(self._recognizers)]
        while not stop.is_set():
            self._utterances += 1
            utterance = self._windows[self._utterances % len(self._windows)]
            for index, (name, kind, pcm) in enumerate(utterance):
                job = DecodeJob(f"speaker {number} {self._utterances}", index + 1, kind, 0, pcm)
                account.asked += 1
                try:
                    async with asyncio.timeout(GIVE_UP_S):
                        heard = text_of((await recognizer.decode(job)).words)
                except (RecognitionFailed, TimeoutError):
                    account.lost += 1
                except Shed:
                    account.shed += 1
                else:
                    answered.append(time.monotonic())
                    account.wrong += heard != self._expected[name]
                await asyncio.sleep(STEP_S / 4)  # as long as the next audio takes, at four times its speed


@asynccontextmanager
async def gateways(url: str, count: int) -> AsyncIterator[list[RemoteRecognizer]]:
    """Recognisers as so many gateways have them, in this process."""
    made = [RemoteRecognizer(RedisOptions(url=url), _PATIENT, Metrics()) for _ in range(count)]
    try:
        for each in made:
            await each.start()
        yield made
    finally:
        for each in made:
            await each.close()


_PATIENT = RemoteOptions(shed_wait_ms=3_600_000)  # every job counts here, under any load
