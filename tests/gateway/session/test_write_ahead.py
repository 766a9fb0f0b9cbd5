"""Steps into a store that is played by the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from tests.core.scenario import QUICK, ScriptedScorer, windowed
from tests.core.test_journal import TAKEN
from tests.observing import until
from voicegw.core import snapshot
from voicegw.core.events import ReplyDelta
from voicegw.core.journal import Journal
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session
from voicegw.core.session_store import CommitsMissing, Fenced, StoreCommit, StoredSession, StoreError
from voicegw.core.windowed_transcription import WindowedState
from voicegw.errors import StoreUnavailable
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.session.outbox import NumberedEvent, Outbox
from voicegw.gateway.session.record import RecordState, SessionRecord
from voicegw.gateway.session.write_ahead import ResumeOptions, WriteAheadLog, stored_name

pytestmark = pytest.mark.usefixtures("virtual_clock")


@dataclass
class ScriptedStore:
    """Takes steps, once the gate is open, or fails."""

    durable: ClassVar[bool] = True
    steps: list[StoreCommit] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def save(self, step: StoreCommit) -> None:
        self.steps.append(step)
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        return None

    async def drop(self, session: str, epoch: int) -> None:
        raise StoreError("gone")


@dataclass
class Stage:
    store: ScriptedStore
    outbox: Outbox
    session: Session
    saver: WriteAheadLog
    errors: list[StoreUnavailable]

    def say(self, text: str) -> None:
        self.outbox.put(ReplyDelta(1, text))

    def hear(self, samples: int) -> None:
        self.session.receive_audio(bytes(2 * samples), 0.0)


@asynccontextmanager
async def saving(patience_ms: int = 60_000) -> AsyncIterator[Stage]:
    """A saver at work."""
    store, errors = ScriptedStore(), list[StoreUnavailable]()
    store.gate.set()
    outbox = Outbox(Journal(10_000, 10_000), write_ahead=True)
    session = Session("s", QUICK, SessionProfile(), ScriptedScorer(), windowed(QUICK))
    options = ResumeOptions(store_patience_ms=patience_ms)
    record = SessionRecord(session, "ada", "native", Quota({}), 0.0, 0.0)
    saver = WriteAheadLog(record, store, outbox, options, errors.append)
    running = asyncio.create_task(saver.run())
    try:
        yield Stage(store, outbox, session, saver, errors)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def steps(stage: Stage, count: int) -> Callable[[], bool]:
    return lambda: len(stage.store.steps) >= count and not stage.outbox.journal.unsaved()


async def test_an_event_is_told_once_it_is_saved() -> None:
    async with saving() as stage:
        stage.store.gate.clear()
        reading = asyncio.create_task(stage.outbox.reader(0, TAKEN).get())
        stage.say("a")
        await until(lambda: stage.store.steps)
        assert not reading.done()
        stage.store.gate.set()
        assert await reading == NumberedEvent(ReplyDelta(1, "a"), 1)


async def test_what_comes_while_a_step_is_written_goes_into_the_next() -> None:
    async with saving() as stage:
        stage.store.gate.clear()
        stage.say("a")
        await until(lambda: stage.store.steps)
        stage.say("b")
        stage.say("c")
        stage.store.gate.set()
        await until(steps(stage, 2))
    assert [sorted(step.events) for step in stage.store.steps] == [[1], [2, 3]]


async def test_audio_is_saved_once() -> None:
    async with saving() as stage:
        for samples in (640, 320):
            stage.hear(samples)
            stage.say("a")
            await until(lambda: not stage.outbox.journal.unsaved())
    assert [(step.audio_start, len(step.audio) // 2, step.whole) for step in stage.store.steps] == [
        (0, 640, True),
        (640, 320, False),
    ]


async def test_a_snapshot_is_the_base_of_the_next_ones() -> None:
    async with saving() as stage:
        for count in range(1, 20):
            stage.hear(320)
            stage.say("a")
            await until(steps(stage, count))
    first, *others = stage.store.steps
    assert first.base == b""
    assert {step.base for step in others[:16]} == {first.snapshot}
    assert [step.base for step in others[16:]] == [b"", others[16].snapshot]


async def test_a_store_that_has_lost_something_gets_everything() -> None:
    async with saving() as stage:
        stage.hear(640)
        stage.say("a")
        await until(steps(stage, 1))
        stage.store.failures = [CommitsMissing()]
        stage.say("b")
        await until(steps(stage, 3))
    last = stage.store.steps[-1]
    assert (last.whole, sorted(last.events), last.audio_start) == (True, [1, 2], 0)


async def test_trouble_is_waited_out() -> None:
    async with saving() as stage:
        stage.store.failures = [StoreError("no answer")]
        stage.say("a")
        await until(steps(stage, 2))
    assert not stage.errors


async def test_after_long_trouble_events_are_told_unsaved_and_that_is_said_once() -> None:
    async with saving(patience_ms=100) as stage:
        stage.store.failures = [StoreError("no answer") for _ in range(1_000)]
        reader = stage.outbox.reader(0, TAKEN)
        stage.say("a")
        assert await asyncio.wait_for(reader.get(), 10) == NumberedEvent(ReplyDelta(1, "a"), 1)
        stage.say("b")
        assert await asyncio.wait_for(reader.get(), 10) == NumberedEvent(ReplyDelta(1, "b"), 2)
    assert [str(error) for error in stage.errors] == ["no answer; the session continues, but is not saved"]


async def test_degraded_nothing_waits_for_a_store_that_hangs() -> None:
    async with saving(patience_ms=100) as stage:
        stage.store.failures = [StoreError("no answer"), StoreError("no answer")]
        reader = stage.outbox.reader(0, TAKEN)
        stage.say("a")
        assert await asyncio.wait_for(reader.get(), 10) == NumberedEvent(ReplyDelta(1, "a"), 1)
        stage.store.gate.clear()
        await until(lambda: len(stage.store.steps) == 3)
        stage.say("b")
        assert await asyncio.wait_for(reader.get(), 10) == NumberedEvent(ReplyDelta(1, "b"), 2)


async def test_what_was_told_degraded_is_saved_when_the_store_is_back() -> None:
    async with saving(patience_ms=100) as stage:
        stage.hear(640)
        stage.say("a")
        await until(steps(stage, 1))
        stage.store.failures = [StoreError("no answer") for _ in range(3)]
        stage.say("b")
        await until(lambda: stage.errors)
        stage.say("c")
        await until(lambda: any(step.whole for step in stage.store.steps[1:]))
        assert [sorted(step.events) for step in stage.store.steps if step.whole] == [[1], [1, 2, 3]]
        stage.store.gate.clear()
        stage.say("d")
        await until(lambda: 4 in stage.store.steps[-1].events)
        reading = asyncio.create_task(stage.outbox.reader(3, TAKEN).get())
        await asyncio.sleep(0)
        assert not reading.done()
        stage.store.gate.set()
        assert await reading == NumberedEvent(ReplyDelta(1, "d"), 4)


@pytest.mark.parametrize(("patience_ms", "least", "most"), [(60_000, 40, 85), (1_500, 12, 25)])
async def test_a_store_that_fails_at_once_is_tried_often_while_events_wait_and_rarely_afterwards(
    patience_ms: int, least: int, most: int
) -> None:
    async with saving(patience_ms) as stage:
        stage.store.failures = [StoreError("no answer") for _ in range(1_000)]
        stage.say("a")
        await asyncio.sleep(0.45)
        assert len(stage.store.steps) >= 4
        await asyncio.sleep(1.1)
        assert bool(stage.errors) == (patience_ms == 1_500)
        await asyncio.sleep(15)
        assert least <= len(stage.store.steps) <= most


async def test_one_answer_that_is_late_does_not_degrade_a_session() -> None:
    """It is this process that may have been stopped."""
    async with saving(patience_ms=100) as stage:
        stage.store.gate.clear()
        stage.store.failures = [StoreError("no answer"), Fenced()]
        stage.say("a")
        await until(lambda: stage.store.steps)
        await asyncio.sleep(0.2)
        stage.store.gate.set()
        await until(lambda: not stage.store.failures)
        assert stage.outbox.journal.unsaved()
    assert not stage.errors


async def test_a_session_that_is_elsewhere_is_given_up() -> None:
    async with saving() as stage:
        stage.store.failures = [Fenced()]
        stage.say("a")
        await until(lambda: stage.store.steps)
        assert stage.outbox.journal.unsaved()


async def test_a_store_that_cannot_be_told_of_the_end_forgets_by_itself() -> None:
    async with saving() as stage:
        await stage.saver.drop()


@pytest.mark.parametrize("other", [("s", "eve"), ("t", "ada")])
def test_names_in_the_store_are_the_users_own(other: tuple[str, str]) -> None:
    assert stored_name("s", "ada") == stored_name("s", "ada")
    assert stored_name(*other) != stored_name("s", "ada")


async def test_a_gateway_of_the_next_version_is_understood() -> None:
    async with saving() as stage:
        stage.say("a")
        await until(steps(stage, 1))
        version, state = msgspec.msgpack.decode(stage.store.steps[0].snapshot, type=tuple[int, list[object]])
        told = msgspec.msgpack.encode((version, [*state, "what only the next version knows"]))
        assert snapshot.decode(told, RecordState) is not None


def test_a_gateway_of_the_version_before_is_understood() -> None:
    """The file was written when VERSION became what it is; with a new VERSION belongs a new file."""
    told = Path(__file__).with_name(f"snapshot-{snapshot.VERSION}.msgpack").read_bytes()
    state = snapshot.decode(told, RecordState)
    assert state is not None
    transcription = msgspec.msgpack.decode(state.session.listener.transcription, type=WindowedState)
    assert [utterance.turn for utterance in transcription.pending] == [3]
    assert state.session.dialogue.background_calls
