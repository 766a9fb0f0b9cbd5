"""The sessions that this gateway holds, with a client attached or waiting for one to come back."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakValueDictionary

import structlog

from voicegw.core import events, snapshot
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.journal import Journal
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session, SessionOptions
from voicegw.core.session_store import NullStore, StoredSession, StoreError
from voicegw.dialects.port import Dialect, Opening, Resume
from voicegw.errors import Draining, Moved, StoreUnavailable
from voicegw.gateway.limits.admission import Admission
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gateway.limits.seats import Seat, Seats
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.activity import ActivityTimestamps
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.outbox import Outbox
from voicegw.gateway.session.record import RecordState, SessionRecord
from voicegw.gateway.session.runner import SessionRunner
from voicegw.gateway.session.write_ahead import ResumeOptions, stored_name

log = structlog.get_logger(__name__)

_END_S = 1.0  # for the tasks of all sessions to end


@dataclass(frozen=True, slots=True)
class Guest:
    """A client that was let in: what it asks for in which dialect, whose it is and from where, and the seat
    that was taken for it, if any."""

    dialect: Dialect
    opening: Opening
    user: str
    address: str = ""
    seat: Seat | None = None


class Sessions:
    """`new_scorer` makes the voice activity detector of one session; `limits`: what each may use, and how
    many there may be of one user and one address; `admission`: of all."""

    def __init__(
        self,
        options: SessionOptions,
        connection: ConnectionOptions,
        resume: ResumeOptions,
        services: Services,
        new_scorer: Callable[[], SpeechScorer],
        limits: Limits,
        admission: Admission,
    ) -> None:
        self.seats = Seats(admission, limits.options)
        self._options = options
        self._connection = connection
        self._resume = resume
        self._services = services
        self._unsaved = replace(services, store=NullStore())  # for sessions that nobody comes back for
        self._new_scorer = new_scorer
        self._limits = limits
        self._runners: dict[str, SessionRunner] = {}
        self._tasks: dict[asyncio.Task[None], SessionRunner] = {}
        self._returning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._empty = asyncio.Event()
        self._empty.set()
        services.metrics.sessions.set_function(lambda: len(self._runners))
        services.metrics.sessions_parked.set_function(lambda: len(self._detached()))

    def __len__(self) -> int:
        return len(self._runners)

    def __iter__(self) -> Iterator[SessionRunner]:
        return iter(tuple(self._runners.values()))

    def here(self, dialect: Dialect, resume: Resume | None, user: str | None = None) -> SessionRunner | None:
        """The session that a client comes back for, if it goes on here in this dialect; and is this user's,
        once that is known."""
        runner = None if resume is None else self._runners.get(resume.session)
        if runner is None or runner.ended.is_set() or user not in (None, runner.user):
            return None
        return runner if runner.record.dialect == dialect.name else None

    async def find(self, guest: Guest) -> tuple[SessionRunner, int | None]:
        """The session to serve: the one that is resumed, with the last event its client has seen, or a new
        one. To anybody but its user a session is one that does not exist.

        Raises StoreUnavailable, and as `Seats.take` where no seat was taken and one is needed after all.
        """
        runner, resume = None, guest.opening.resume
        if resume is not None:
            runner = await self._returned_to(resume, guest)
            resumed = runner is not None and runner.can_resume_after(resume.last_seq)
            self._services.metrics.resumes.labels("resumed" if resumed else "lost").inc()
            if runner is not None and resumed:
                self.seats.move(runner.seat, guest.address)
                return runner, resume.last_seq
            if runner is not None:
                runner.finish(None)
        with self._seated(guest, runner) as own:
            return self._begin(guest, own), None

    @contextmanager
    def _seated(self, guest: Guest, over: SessionRunner | None) -> Iterator[Seat]:
        """The guest's seat, or one in place of that of a session that is over; whoever needs it for longer
        than the block holds it."""
        given_up = None if over is None else over.seat
        seat = guest.seat or self.seats.take(guest.user, guest.address, given_up)
        seat.hold()
        try:
            yield seat
        finally:
            seat.release()

    async def _returned_to(self, resume: Resume, guest: Guest) -> SessionRunner | None:
        """The session that a client comes back for; several connections that do so wait for one another."""
        async with self._returning.setdefault(resume.session, asyncio.Lock()):
            held = self.here(guest.dialect, resume, guest.user)
            if held is None:
                return await self._claim(resume, guest)
            if resume.epoch <= held.log.epoch and held.has_told(resume.last_seq):
                return held
            return await self._claim_again(resume, guest, held)

    async def _claim_again(self, resume: Resume, guest: Guest, held: SessionRunner) -> SessionRunner | None:
        """The session that is here, unless the store says that another gateway has had it since; what a
        client says of that is not believed. One that was cut off before the other's greeting does not know
        of its epoch, but may have seen events that came before."""
        saved = await self._saved(resume, guest.user, held.log.epoch)
        if saved is None:
            return None if held.ended.is_set() else held
        held.finish(Moved())
        with self._seated(guest, held) as seat:
            return await self._taken_over(resume.session, guest, saved, seat)

    async def _claim(self, resume: Resume, guest: Guest) -> SessionRunner | None:
        """The session, taken over from the gateway that held it."""
        earlier = self._runners.get(resume.session)
        mine = earlier if earlier is not None and earlier.user == guest.user else None
        with self._seated(guest, mine) as seat:
            saved = await self._saved(resume, guest.user, 0)
            return None if saved is None else await self._taken_over(resume.session, guest, saved, seat)

    async def _saved(self, resume: Resume, user: str, epoch: int) -> StoredSession | None:
        """The session as another gateway saved it behind that epoch, which is over with this."""
        try:
            return await self._services.store.claim(stored_name(resume.session, user), epoch)
        except StoreError as trouble:
            raise StoreUnavailable(str(trouble)) from trouble

    async def _taken_over(
        self, name: str, guest: Guest, saved: StoredSession, seat: Seat
    ) -> SessionRunner | None:
        runner = self._restored(name, guest, saved, seat)
        if runner is None:
            with suppress(StoreError):
                await self._services.store.drop(stored_name(name, guest.user), saved.epoch)
            return None
        log.info("session taken over", session=runner.name, epoch=runner.log.epoch)
        return self._start(runner)

    def _restored(self, name: str, guest: Guest, saved: StoredSession, seat: Seat) -> SessionRunner | None:
        """The session as it was saved; None when that cannot be gone on with."""
        try:
            state = snapshot.decode(saved.snapshot, RecordState)
            if state is None or state.dialect != guest.dialect.name:
                return None
            journal = self._new_journal()
            journal.restore(saved.events, state.last_event, state.ready_events)
            runner = self._new_runner(name, guest, state.profile, journal, seat)
            runner.restore(saved, state)
        except Exception as error:  # noqa: BLE001 - what is spoilt may fail anywhere, and may quote the user
            log.error("a saved session cannot be restored", session=name, reason=type(error).__name__)
            return None
        return runner

    def _begin(self, guest: Guest, seat: Seat) -> SessionRunner:
        profile = guest.opening.profile
        runner = self._new_runner(secrets.token_urlsafe(12), guest, profile, self._new_journal(), seat)
        runner.record.session.open()
        return self._start(runner)

    def _new_journal(self) -> Journal:
        return Journal(self._connection.max_outbox_bytes, self._resume.max_kept_bytes)

    def _new_runner(
        self, name: str, guest: Guest, profile: SessionProfile, journal: Journal, seat: Seat
    ) -> SessionRunner:
        services = self._services if guest.dialect.resumable else self._unsaved
        transcription = services.transcription.new_transcription(name, profile.language)
        session = Session(name, self._options, profile, self._new_scorer(), transcription)
        outbox = Outbox(journal, write_ahead=services.store.durable)
        quota = Quota(self._limits.session_rates, outbox.unsaved)
        activity = ActivityTimestamps.begun(time.monotonic())
        record = SessionRecord(session, guest.user, guest.dialect.name, quota, activity)
        limits = events.Limits(
            max_message_bytes=guest.dialect.max_message_bytes,
            max_burst_ms=self._options.max_burst_ms,
            idle_timeout_ms=self._connection.idle_timeout_ms,
            max_session_ms=self._connection.max_session_ms,
        )
        # for a reply that is asked for before there is a connection, as after a takeover
        limiter = SessionLimiter(self._limits, guest.user, seat.address, 1, quota)
        return SessionRunner(record, services, outbox, self._resume, limits, seat, limiter)

    def _start(self, runner: SessionRunner) -> SessionRunner:
        self._runners[runner.name] = runner
        runner.seat.hold().end_session = partial(self._dismiss, runner)
        runner.seat.wait()  # for its client
        self._empty.clear()
        task = asyncio.create_task(runner.run(), name="session")
        self._tasks[task] = runner
        task.add_done_callback(self._forget)
        return runner

    def _forget(self, task: asyncio.Task[None]) -> None:
        runner = self._tasks.pop(task)
        runner.seat.release()
        self._remove(runner)

    def _dismiss(self, runner: SessionRunner) -> None:
        """Ends a session that waits for its client; from now on it is not here."""
        runner.finish(None)
        self._remove(runner)

    def _remove(self, runner: SessionRunner) -> None:
        if self._runners.get(runner.name) is runner:  # not one that has taken the session over since
            del self._runners[runner.name]
        if not self._runners:
            self._empty.set()

    def tick(self, late_s: float, now: float) -> None:
        """Lets every session know the time, in monotonic seconds, and by how much this is late."""
        for runner in self:
            runner.tick(now, late_s)

    def _detached(self) -> list[SessionRunner]:
        return [runner for runner in self._runners.values() if runner.detached]

    def limit_detached(self) -> None:
        """Ends sessions of those users who have most of them waiting, the longest first, when more wait than
        may: nobody can push out the sessions of others."""
        detached = self._detached()
        owned = Counter(runner.user for runner in detached)
        waiting = sorted(detached, key=lambda runner: (-owned[runner.user], runner.record.activity.alive_at))
        for runner in waiting[: max(0, len(waiting) - self._resume.max_parked)]:
            runner.finish(None)

    async def drain(self, retry_after_ms: Callable[[], int], within_s: float) -> None:
        """Tells everyone to move on, and lets open turns finish until the deadline, which ends them."""
        for runner in self:
            runner.drain(retry_after_ms())
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            self._finish()

    def _finish(self) -> None:
        for runner in self:
            runner.finish(Draining())

    async def end(self) -> None:
        """Ends all sessions now. One whose tasks do not let go of it is left to itself."""
        self._finish()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_END_S)
            if left:
                log.warning("sessions have not ended in time", sessions=len(left))
