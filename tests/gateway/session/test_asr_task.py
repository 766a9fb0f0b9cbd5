from typing import cast

import pytest

from tests.gateway.fakes import ScriptedRecognizer
from voicegw.core.actions import Action
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Overtaken, Shed
from voicegw.core.session import Session
from voicegw.errors import RecognitionFailed
from voicegw.gateway.session.asr_task import decode
from voicegw.gateway.session.driver import Driver

JOB = DecodeJob("s", 7, DecodeKind.PARTIAL, 0, bytes(320))


class Told:
    """What the session is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failed: list[int] = []
        self.performed = 0

    def receive_result(self, result: DecodeResult, now: float) -> None:
        self.texts.append(" ".join(word.text for word in result.words))

    def receive_failure(self, number: int, now: float) -> None:
        self.failed.append(number)

    def actions(self) -> list[Action]:
        self.performed += 1
        return []


async def told_by(recognizer: ScriptedRecognizer) -> Told:
    told = Told()
    await decode(recognizer, JOB, Driver(cast(Session, told), lambda action: None))
    return told


async def test_a_result_reaches_the_session() -> None:
    told = await told_by(ScriptedRecognizer(text="hello"))
    assert (told.texts, told.failed, told.performed) == (["hello"], [], 1)


@pytest.mark.parametrize("failure", [RecognitionFailed(), Overtaken(), Shed()])
async def test_so_does_that_there_is_none(failure: Exception) -> None:
    told = await told_by(ScriptedRecognizer(failures=[failure]))
    assert (told.texts, told.failed, told.performed) == ([], [JOB.number], 1)
