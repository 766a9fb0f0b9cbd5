"""The sessions of a gateway: created, resumed, ended above their limit, drained. No sockets are used."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.gateway.fakes import LOUD, LoudnessScorer, ScriptedRecognizer, ScriptedResponder, windowed
from tests.observing import PATIENCE_S, until
from voicegw.core import events
from voicegw.core.profile import SessionProfile
from voicegw.core.session import SessionOptions
from voicegw.dialects import native, twilio
from voicegw.dialects.port import Codec, Opening, Resume
from voicegw.errors import Draining, VoicegwError
from voicegw.gateway.limits.admission import Admission, AdmissionOptions
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits
from voicegw.gateway.limits.seats import Seats
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.runner import SessionRunner
from voicegw.gateway.session.session_factory import SessionFactory, SessionRequest
from voicegw.gateway.session.sessions import Sessions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.telemetry import Metrics

NATIVE, TWILIO = native.NativeDialect(), twilio.TwilioDialect(twilio.TwilioOptions())
METRICS = "voicegw_resumes_total"


@dataclass
class FakeClient:
    """A connection that records how it was ended."""

    codec: Codec = field(default_factory=lambda: native.NativeCodec(Opening(SessionProfile())))
    ends: list[VoicegwError | None] = field(default_factory=list)
    limiter: SessionLimiter = field(
        default_factory=lambda: SessionLimiter(Limits(LimitOptions(), Metrics()), "", "", 1, Quota({}))
    )

    def end(self, error: VoicegwError | None) -> None:
        self.ends.append(error)

    def probe(self) -> None:
        raise AssertionError("no audio was sent")


@dataclass
class Stage:
    sessions: Sessions
    metrics: Metrics

    async def begin(self, user: str = "ada", resume: Resume | None = None) -> SessionRunner:
        runner, _ = await self.sessions.open(requested(user, resume))
        return runner

    def resumes(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value(METRICS, {"outcome": outcome}) or 0.0


def requested(user: str = "ada", resume: Resume | None = None) -> SessionRequest:
    return SessionRequest(NATIVE, Opening(SessionProfile(), resume=resume), user)


@asynccontextmanager
async def opened(**options: int) -> AsyncIterator[Stage]:
    metrics, limits, resume = Metrics(), LimitOptions(), ResumeOptions(**options)
    services = Services(windowed(ScriptedRecognizer()), ScriptedResponder(), metrics)
    rates = Limits(limits, metrics)
    factory = SessionFactory(SessionOptions(), ConnectionOptions(), resume, services, LoudnessScorer, rates)
    seats = Seats(Admission(AdmissionOptions(), lambda: "", lambda: False), limits)
    sessions = Sessions(factory, seats, services, resume.max_parked)
    try:
        yield Stage(sessions, metrics)
    finally:
        await sessions.end()


async def test_a_new_session_has_an_id_of_its_own_and_a_seat() -> None:
    async with opened() as stage:
        first, second = await stage.begin(), await stage.begin()
        assert first.name != second.name
        assert (len(stage.sessions), len(stage.sessions.seats)) == (2, 2)
        first.finish(None)
        await until(lambda: len(stage.sessions) == 1)
        assert len(stage.sessions.seats) == 1


async def test_a_session_is_resumed_by_its_user_after_the_last_event() -> None:
    async with opened() as stage:
        runner = await stage.begin()
        runner.attach(FakeClient())
        resume = Resume(runner.name, epoch=1, last_seq=1)
        assert await stage.sessions.open(requested(resume=resume)) == (runner, 1)
        assert stage.resumes("resumed") == 1


async def test_another_user_gets_a_new_session() -> None:
    async with opened() as stage:
        runner = await stage.begin("ada")
        other, after = await stage.sessions.open(requested("bob", Resume(runner.name, 1, 0)))
        assert other is not runner
        assert after is None
        assert not runner.ended.is_set()
        assert stage.resumes("lost") == 1


async def test_a_session_that_lost_the_events_its_client_needs_is_replaced() -> None:
    async with opened() as stage:
        runner = await stage.begin()
        runner.attach(FakeClient())
        other, after = await stage.sessions.open(requested(resume=Resume(runner.name, 1, 99)))
        assert other is not runner
        assert after is None
        assert len(stage.sessions.seats) <= 2


async def test_a_session_is_found_in_its_own_dialect_and_for_its_own_user_only() -> None:
    async with opened() as stage:
        runner = await stage.begin("ada")
        resume = Resume(runner.name, 1, 0)
        assert stage.sessions.find_local(NATIVE, resume) is runner
        assert stage.sessions.find_local(NATIVE, resume, "ada") is runner
        assert stage.sessions.find_local(NATIVE, resume, "bob") is None
        assert stage.sessions.find_local(TWILIO, resume) is None
        assert stage.sessions.find_local(NATIVE, None) is None
        runner.finish(None)
        assert stage.sessions.find_local(NATIVE, resume) is None


async def test_above_the_limit_the_user_with_most_detached_sessions_loses_the_oldest() -> None:
    async with opened(max_parked=2) as stage:
        attached = await stage.begin("ada")
        attached.attach(FakeClient())
        oldest, later = await stage.begin("ada"), await stage.begin("ada")
        other = await stage.begin("bob")
        oldest.record.alive_at -= 60
        other.record.alive_at -= 120
        stage.sessions.end_excess_detached()
        ended = [runner.ended.is_set() for runner in (attached, oldest, later, other)]
        assert ended == [False, True, False, False]


async def test_a_drain_tells_clients_and_ends_sessions_at_its_deadline() -> None:
    async with opened() as stage:
        runner, client = await stage.begin(), FakeClient()
        runner.attach(client)
        await asyncio.sleep(0)  # its tasks start
        runner.receive_audio(LOUD, time.monotonic())  # an open turn
        await stage.sessions.drain(lambda: 500, within_s=0.01)
        sent = [events.decode(entry.data) for entry in runner.journal.entries()]
        assert events.GoingAway(500) in sent
        assert isinstance(runner.error, Draining)
        await until(lambda: client.ends == [runner.error])


async def test_an_idle_session_ends_at_once_when_drained() -> None:
    async with opened() as stage:
        runner = await stage.begin()
        async with asyncio.timeout(PATIENCE_S):
            draining = asyncio.create_task(stage.sessions.drain(lambda: 500, within_s=2 * PATIENCE_S))
            await asyncio.sleep(0)
            stage.sessions.tick(0.0, 1.0)
            await draining
        assert isinstance(runner.error, Draining)
        assert len(stage.sessions) == 0


async def test_a_detached_session_whose_seat_is_evicted_is_gone_at_once() -> None:
    async with opened() as stage:
        runner = await stage.begin()
        runner.seat.end_session()
        assert runner.ended.is_set()
        assert stage.sessions.find_local(NATIVE, Resume(runner.name, 1, 0)) is None
        assert len(stage.sessions) == 0


async def test_the_limits_of_a_session_reach_its_client() -> None:
    async with opened() as stage:
        runner = await stage.begin()
        reader = runner.attach(FakeClient())
        first = await reader.get()
        ready = getattr(first, "event", None)
        assert isinstance(ready, events.SessionReady)
        assert ready.limits.max_session_ms == ConnectionOptions().max_session_ms
        assert ready.limits.max_message_bytes == NATIVE.max_message_bytes
