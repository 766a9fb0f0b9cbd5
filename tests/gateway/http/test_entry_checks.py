"""The admission of a client: cheap checks first, a token is consumed last, and every client has one seat."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from websockets.datastructures import Headers

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import LoudnessScorer, ScriptedRecognizer, ScriptedResponder, ScriptedVoice, windowed
from voicegw.core.commands import ReplyMode
from voicegw.core.profile import SessionProfile
from voicegw.core.session import SessionOptions
from voicegw.dialects import native
from voicegw.dialects.port import Opening, Resume
from voicegw.errors import AtCapacity, TokenInvalid, TokenUsed, TooManyConnections, UnsupportedReply
from voicegw.gateway.auth.access import Access, AccessOptions
from voicegw.gateway.auth.authenticator import Authenticator, Identity
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.http.descriptors import Descriptors
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.limited_connection import LimitedConnection
from voicegw.gateway.limits.admission import Admission, AdmissionOptions
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits
from voicegw.gateway.limits.seats import Seat, Seats
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.session_factory import SessionFactory, SessionRequest
from voicegw.gateway.session.sessions import Sessions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.telemetry import Metrics

NATIVE = native.NativeDialect()
HERE, THERE = "203.0.113.7", "203.0.113.8"


@dataclass
class FakeConnection:
    """A TCP connection. descriptor: of its socket."""

    descriptor: int = 10
    peer: str = HERE
    identity: Identity | None = None
    seat: Seat | None = None

    def hold_seat(self, seat: Seat | None) -> None:
        if seat is not None:
            seat.hold()
        if self.seat is not None:
            self.seat.release()
        self.seat = seat


@dataclass
class Stage:
    checks: EntryChecks
    sessions: Sessions
    connections: list[FakeConnection] = field(default_factory=list)

    async def admit(self, opening: Opening, address: str = HERE) -> SessionRequest:
        self.connections.append(connection := FakeConnection())
        return await self.checks.admit(cast(LimitedConnection, connection), NATIVE, opening, address)


def opening(claims: str = "1", resume: Resume | None = None, reply: ReplyMode = ReplyMode.TEXT) -> Opening:
    return Opening(SessionProfile(reply=reply), token(jti=claims), resume)


@asynccontextmanager
async def checking(
    max_sessions: int = 10, voice: ScriptedVoice | None = None, **limits: Any
) -> AsyncIterator[Stage]:
    metrics, options = Metrics(), LimitOptions(**limits)
    shared = Limits(options, metrics)
    access = Access(AccessOptions(), Authenticator(OPTIONS, LocalReplayCache()), shared)
    admission = Admission(AdmissionOptions(max_sessions), lambda: "", lambda: False)
    services = Services(windowed(ScriptedRecognizer()), ScriptedResponder(), metrics, voice=voice)
    resume = ResumeOptions()
    factory = SessionFactory(SessionOptions(), ConnectionOptions(), resume, services, LoudnessScorer, shared)
    sessions = Sessions(factory, Seats(admission, options), services, resume.max_parked)
    checks = EntryChecks(access, admission, services, sessions, Descriptors(max_sessions))
    try:
        yield Stage(checks, sessions)
    finally:
        await sessions.end()


async def test_an_admitted_client_has_its_identity_and_a_seat() -> None:
    async with checking() as stage:
        request = await stage.admit(opening())
        [connection] = stage.connections
        assert connection.identity is not None
        assert request.user == connection.identity.user == "alice"
        assert request.seat is connection.seat
        assert len(stage.sessions.seats) == 1


async def test_a_spoken_reply_without_a_voice_is_refused_before_the_token_is_read() -> None:
    async with checking() as stage:
        with pytest.raises(UnsupportedReply):
            await stage.admit(Opening(SessionProfile(reply=ReplyMode.AUDIO), "not a token"))
    async with checking(voice=ScriptedVoice()) as stage:
        with pytest.raises(TokenInvalid):
            await stage.admit(Opening(SessionProfile(reply=ReplyMode.AUDIO), "not a token"))


async def test_a_refused_client_may_use_its_token_again() -> None:
    async with checking(user_open=1) as stage:
        await stage.admit(opening("1"))
        with pytest.raises(TooManyConnections):
            await stage.admit(opening("2"))
        stage.connections[0].hold_seat(None)
        await stage.admit(opening("2"))
        stage.connections[2].hold_seat(None)
        with pytest.raises(TokenUsed):
            await stage.admit(opening("2"))


async def test_a_used_token_takes_no_seat() -> None:
    async with checking() as stage:
        await stage.admit(opening("1"))
        with pytest.raises(TokenUsed):
            await stage.admit(opening("1"))
        assert len(stage.sessions.seats) == 1


async def test_a_full_server_admits_only_clients_that_resume() -> None:
    async with checking(max_sessions=1) as stage:
        runner, _ = await stage.sessions.open(await stage.admit(opening("1")))
        runner.seat.detached_since = None  # as with a connection
        with pytest.raises(AtCapacity):
            await stage.admit(opening("2"))
        request = await stage.admit(opening("3", Resume(runner.name, 1, 0)))
        assert request.seat is None
        assert len(stage.sessions.seats) == 1


async def test_a_session_of_another_user_gives_no_way_in() -> None:
    async with checking(max_sessions=1) as stage:
        runner, _ = await stage.sessions.open(await stage.admit(opening("1")))
        runner.seat.detached_since = None  # as with a connection
        foreign = Opening(SessionProfile(), token(sub="mallory"), Resume(runner.name, 1, 0))
        with pytest.raises(AtCapacity):
            await stage.admit(foreign)


async def test_a_client_that_resumes_from_another_address_counts_there() -> None:
    async with checking(address_open=1) as stage:
        runner, _ = await stage.sessions.open(await stage.admit(opening("1"), HERE))
        runner.seat.detached_since = None  # as with a connection
        await stage.admit(opening("2", Resume(runner.name, 1, 0)), THERE)
        assert runner.seat.address == THERE
        await stage.admit(opening("3"), HERE)
        with pytest.raises(TooManyConnections):
            await stage.admit(opening("4"), THERE)


async def test_a_refused_move_to_another_address_leaves_the_token() -> None:
    async with checking(address_open=1) as stage:
        runner, _ = await stage.sessions.open(await stage.admit(opening("1"), HERE))
        runner.seat.detached_since = None  # as with a connection
        await stage.admit(opening("2"), THERE)
        with pytest.raises(TooManyConnections):
            await stage.admit(opening("3", Resume(runner.name, 1, 0)), THERE)
        stage.connections[1].hold_seat(None)
        await stage.admit(opening("3", Resume(runner.name, 1, 0)), THERE)


async def test_the_last_file_descriptors_are_for_refusals() -> None:
    async with checking() as stage:
        stage.checks.check_connection(10, Headers())
        with pytest.raises(AtCapacity, match="file descriptor"):
            stage.checks.check_connection(1 << 30, Headers())
