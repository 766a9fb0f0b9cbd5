"""The outcome of work under faults, with recognisers that err on purpose."""

import asyncio

from benchmarks.chaos.load import TIMEOUT_S, JobLoad, JobOutcome, windows
from tests.observing import until
from tests.recognition import AlwaysReady
from tests.speech import single_utterances
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.errors import RecognitionFailed

SAMPLE = single_utterances()[0]


class Recognizer(AlwaysReady):
    """Hears the window's length; `fault` may change that."""

    def __init__(self) -> None:
        self.fault = ""

    async def decode(self, job: DecodeJob) -> DecodeResult:
        await asyncio.sleep(0)
        if self.fault == "lost":
            raise RecognitionFailed
        return DecodeResult(job.session, job.number, (Word(f"{len(job.pcm)}{self.fault}", 0, 1, 1.0),))


async def account_of(fault: str) -> JobOutcome:
    recognizer = Recognizer()
    load = JobLoad([recognizer], [SAMPLE], speakers=2)
    await load.learn()
    async with load.running() as outcome:
        recognizer.fault = fault
        await until(lambda: outcome.asked > 2)
    return outcome


async def test_without_faults_nothing_is_lost() -> None:
    outcome = await account_of("")
    assert (outcome.lost, outcome.wrong) == (0, 0)
    assert sum(map(len, outcome.answered_at.values())) == outcome.asked


async def test_unanswered_jobs_are_lost() -> None:
    outcome = await account_of("lost")
    assert outcome.lost == outcome.asked
    assert not any(outcome.answered_at.values())


async def test_other_words_are_wrong() -> None:
    outcome = await account_of("x")
    assert outcome.wrong == outcome.asked
    assert outcome.lost == 0


def test_windows_grow_to_the_whole_utterance() -> None:
    found = list(windows(SAMPLE))
    kinds = [kind for _, kind, _ in found]
    assert kinds == [DecodeKind.PARTIAL] * (len(found) - 1) + [DecodeKind.FINAL]
    sizes = [len(pcm) for _, _, pcm in found]
    assert sizes == sorted(sizes)
    assert len({name for name, _, _ in found}) == len(found)


def test_recovery_is_to_the_next_answer_of_each_speaker() -> None:
    outcome = JobOutcome(answered_at={0: [1.0, 5.0, 9.0], 1: [4.5], 2: [3.0]})
    assert outcome.recovery_s(4.0) == [1.0, 0.5, TIMEOUT_S]
