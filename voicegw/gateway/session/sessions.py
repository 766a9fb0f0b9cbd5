"""The sessions that this gateway holds, with a client attached or waiting for one to come back."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

import structlog

from voicegw.core import events, snapshot
from voicegw.core.audio import InputDecoder
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.journal import Journal
from voicegw.core.session import Session, SessionOptions
from voicegw.core.store import Saved, StoreTrouble
from voicegw.dialects import native
from voicegw.dialects.parameters import Resume, StreamParameters
from voicegw.errors import Draining, Moved, StoreUnavailable
from voicegw.gateway.limits.admission import Admission
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gateway.limits.seats import Seat, Seats
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.outbox import Outbox
from voicegw.gateway.session.runner import SessionRunner
from voicegw.gateway.session.write_ahead import ResumeOptions, RunnerState, stored_name

log = structlog.get_logger(__name__)

_END_S = 1.0  # for the tasks of all sessions to end


@dataclass(frozen=True, slots=True)
class _Guest:
    """Whose connection it is, and the seat that was taken for it at the door, if any."""

    user: str
    address: str
    seat: Seat | None


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
        self._new_scorer = new_scorer
        self._rates = limits.session_rates
        self._hosts: dict[str, SessionRunner] = {}
        self._tasks: dict[asyncio.Task[None], SessionRunner] = {}
        self._returning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._empty = asyncio.Event()
        self._empty.set()
        services.metrics.sessions.set_function(lambda: len(self._hosts))
        services.metrics.sessions_parked.set_function(lambda: len(self._parked()))

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[SessionRunner]:
        return iter(tuple(self._hosts.values()))

    def here(self, resume: Resume | None, user: str | None = None) -> SessionRunner | None:
        """The session that a client comes back for, if it goes on here; and is this user's, once that is
        known."""
        host = None if resume is None else self._hosts.get(resume.session)
        return None if host is None or host.ended.is_set() or user not in (None, host.user) else host

    async def find(
        self, wanted: StreamParameters, user: str, address: str = "", seat: Seat | None = None
    ) -> tuple[SessionRunner, int | None]:
        """The session to serve: the one that is resumed, with the last event its client has seen, or a new
        one. To anybody but its user a session is one that does not exist. `seat`: taken for a new one.

        Raises StoreUnavailable, and as `Seats.take` where no seat was taken and one is needed after all.
        """
        guest = _Guest(user, address, seat)
        host = None
        if wanted.resume is not None:
            host = await self._returned_to(wanted.resume, guest)
            resumed = host is not None and host.can_resume_after(wanted.resume.last_seq)
            self._services.metrics.resumes.labels("resumed" if resumed else "lost").inc()
            if host is not None and resumed:
                self.seats.move(host.seat, address)
                return host, wanted.resume.last_seq
            if host is not None:
                host.finish(None)
        with self._seated(guest, host) as own:
            return self._begin(wanted, user, own), None

    @contextmanager
    def _seated(self, guest: _Guest, over: SessionRunner | None) -> Iterator[Seat]:
        """The guest's seat, or one in place of that of a session that is over; whoever needs it for longer
        than the block holds it."""
        given_up = None if over is None else over.seat
        seat = guest.seat or self.seats.take(guest.user, guest.address, given_up)
        seat.hold()
        try:
            yield seat
        finally:
            seat.release()

    async def _returned_to(self, resume: Resume, guest: _Guest) -> SessionRunner | None:
        """The session that a client comes back for; several connections that do so wait for one another."""
        async with self._returning.setdefault(resume.session, asyncio.Lock()):
            held = self.here(resume, guest.user)
            if held is None:
                return await self._claim(resume, guest)
            if resume.epoch <= held.saver.epoch and held.has_told(resume.last_seq):
                return held
            return await self._claim_again(resume, guest, held)

    async def _claim_again(self, resume: Resume, guest: _Guest, held: SessionRunner) -> SessionRunner | None:
        """The session that is here, unless the store says that another gateway has had it since; what a
        client says of that is not believed. One that was cut off before the other's greeting does not know
        of its epoch, but may have seen events that came before."""
        saved = await self._saved(resume, guest.user, held.saver.epoch)
        if saved is None:
            return None if held.ended.is_set() else held
        held.finish(Moved())
        with self._seated(guest, held) as seat:
            return await self._taken_over(resume.session, guest.user, saved, seat)

    async def _claim(self, resume: Resume, guest: _Guest) -> SessionRunner | None:
        """The session, taken over from the gateway that held it."""
        earlier = self._hosts.get(resume.session)
        mine = earlier if earlier is not None and earlier.user == guest.user else None
        with self._seated(guest, mine) as seat:
            saved = await self._saved(resume, guest.user, 0)
            return None if saved is None else await self._taken_over(resume.session, guest.user, saved, seat)

    async def _saved(self, resume: Resume, user: str, epoch: int) -> Saved | None:
        """The session as another gateway saved it behind that epoch, which is over with this."""
        try:
            return await self._services.store.claim(stored_name(resume.session, user), epoch)
        except StoreTrouble as trouble:
            raise StoreUnavailable(str(trouble)) from trouble

    async def _taken_over(self, name: str, user: str, saved: Saved, seat: Seat) -> SessionRunner | None:
        host = self._restored(name, user, saved, seat)
        if host is None:
            with suppress(StoreTrouble):
                await self._services.store.drop(stored_name(name, user), saved.epoch)
            return None
        log.info("session taken over", session=host.name, epoch=host.saver.epoch)
        return self._start(host)

    def _restored(self, name: str, user: str, saved: Saved, seat: Seat) -> SessionRunner | None:
        """The session as it was saved; None when that cannot be gone on with."""
        try:
            state = snapshot.decode(saved.snapshot, RunnerState)
            if state is None:
                return None
            journal = self._journal()
            journal.restore(saved.events, state.last_event, state.greetings)
            session = self._new_session(name, state.parameters)
            host = self._new_host(session, journal, state.parameters, user, seat)
            host.restore(saved, state)
        except Exception as error:  # noqa: BLE001 - what is spoilt may fail anywhere, and may quote the user
            log.error("a saved session cannot be restored", session=name, reason=type(error).__name__)
            return None
        return host

    def _begin(self, wanted: StreamParameters, user: str, seat: Seat) -> SessionRunner:
        session = self._new_session(secrets.token_urlsafe(12), wanted)
        session.configure_replies(wanted.reply)
        session.open()
        return self._start(self._new_host(session, self._journal(), wanted, user, seat))

    def _journal(self) -> Journal:
        return Journal(native.encode, self._connection.max_outbox_bytes, self._resume.max_kept_bytes)

    def _new_session(self, name: str, wanted: StreamParameters) -> Session:
        decoder = InputDecoder(wanted.audio_format, wanted.rate)
        return Session(name, self._options, decoder, self._new_scorer(), wanted.language)

    def _new_host(
        self, session: Session, journal: Journal, wanted: StreamParameters, user: str, seat: Seat
    ) -> SessionRunner:
        limits = events.Limits(
            max_message_bytes=native.MAX_MESSAGE_BYTES,
            max_burst_ms=self._options.max_burst_ms,
            idle_timeout_ms=self._connection.idle_timeout_ms,
            max_session_ms=self._connection.max_session_ms,
        )
        outbox = Outbox(journal, write_ahead=self._services.store.durable)
        usage = Quota(self._rates)
        return SessionRunner(session, self._services, outbox, self._resume, limits, wanted, usage, seat, user)

    def _start(self, host: SessionRunner) -> SessionRunner:
        self._hosts[host.name] = host
        host.seat.hold().end_session = partial(self._dismiss, host)
        host.seat.wait()  # for its client
        self._empty.clear()
        task = asyncio.create_task(host.run(), name="host")
        self._tasks[task] = host
        task.add_done_callback(self._forget)
        return host

    def _forget(self, task: asyncio.Task[None]) -> None:
        host = self._tasks.pop(task)
        host.seat.release()
        self._remove(host)

    def _dismiss(self, host: SessionRunner) -> None:
        """Ends a session that waits for its client; from now on it is not here."""
        host.finish(None)
        self._remove(host)

    def _remove(self, host: SessionRunner) -> None:
        if self._hosts.get(host.name) is host:  # not one that has taken the session over since
            del self._hosts[host.name]
        if not self._hosts:
            self._empty.set()

    def tick(self, late_s: float, now: float) -> None:
        """Lets every session know the time, in monotonic seconds, and by how much this is late."""
        for host in self:
            host.tick(now, late_s)

    def _parked(self) -> list[SessionRunner]:
        return [host for host in self._hosts.values() if host.parked]

    def limit_parked(self) -> None:
        """Ends sessions of those users who have most of them waiting, the longest first, when more wait than
        may: nobody can push out the sessions of others."""
        parked = self._parked()
        crowds = Counter(host.user for host in parked)
        waiting = sorted(parked, key=lambda host: (-crowds[host.user], host.stamps.alive_at))
        for host in waiting[: max(0, len(waiting) - self._resume.max_parked)]:
            host.finish(None)

    async def drain(self, retry_after_ms: Callable[[], int], within_s: float) -> None:
        """Tells everyone to move on, and lets open turns finish until the deadline, which ends them."""
        for host in self:
            host.drain(retry_after_ms())
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            self._finish()

    def _finish(self) -> None:
        for host in self:
            host.finish(Draining())

    async def end(self) -> None:
        """Ends all sessions now. One whose tasks do not let go of it is left to itself."""
        self._finish()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_END_S)
            if left:
                log.warning("sessions have not ended in time", sessions=len(left))
