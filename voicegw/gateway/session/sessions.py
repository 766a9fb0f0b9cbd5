"""The sessions of this gateway: attached to a client, or detached and waiting for it to reconnect."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from weakref import WeakValueDictionary

import structlog

from voicegw.core.session_store import StoredSession, StoreError
from voicegw.dialects.port import Dialect, Resume
from voicegw.errors import Draining, Moved, StoreUnavailable
from voicegw.gateway.limits.seats import Seat, Seats
from voicegw.gateway.services import Services
from voicegw.gateway.session.runner import SessionRunner
from voicegw.gateway.session.session_factory import SessionFactory, SessionRequest
from voicegw.gateway.session.write_ahead import stored_name

log = structlog.get_logger(__name__)

_END_S = 1.0  # wait for the tasks of all sessions


class Sessions:
    """Creates, resumes, drains and ends sessions.

    max_parked: detached sessions that are kept; above this number, the oldest ends.
    """

    def __init__(self, factory: SessionFactory, seats: Seats, services: Services, max_parked: int) -> None:
        self.seats = seats
        self._factory = factory
        self._services = services
        self._max_parked = max_parked
        self._runners: dict[str, SessionRunner] = {}
        self._tasks: dict[asyncio.Task[None], SessionRunner] = {}
        self._resume_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._empty = asyncio.Event()
        self._empty.set()
        services.metrics.sessions.set_function(lambda: len(self._runners))
        services.metrics.traffic.outbox_bytes.set_function(
            lambda: sum(runner.journal.waiting_bytes for runner in self)
        )
        services.metrics.sessions_detached.set_function(lambda: len(self._detached()))

    def __len__(self) -> int:
        return len(self._runners)

    def __iter__(self) -> Iterator[SessionRunner]:
        return iter(tuple(self._runners.values()))

    def find_local(
        self, dialect: Dialect, resume: Resume | None, user: str | None = None
    ) -> SessionRunner | None:
        """The session to resume, if this gateway holds it, in this dialect. user: None when not known yet;
        otherwise the session must belong to this user."""
        runner = None if resume is None else self._runners.get(resume.session)
        if runner is None or runner.ended.is_set() or user not in (None, runner.user):
            return None
        return runner if runner.record.dialect == dialect.name else None

    async def open(self, request: SessionRequest) -> tuple[SessionRunner, int | None]:
        """Resumes the requested session, or creates one. Returns it, and for a resumed session the number of
        the last event that its client has received. A session of another user is treated as unknown.

        Raises StoreUnavailable, and the errors of `Seats.take` when a seat is needed and none was taken.
        """
        runner, resume = None, request.opening.resume
        if resume is not None:
            runner = await self._find_resumed(resume, request)
            after = None if runner is None else _position(runner, resume)
            self._services.metrics.resumes.labels("lost" if after is None else "resumed").inc()
            if runner is not None and after is not None:
                self.seats.move(runner.seat, request.address)
                return runner, after
            if runner is not None:
                runner.finish(None)
        with self._with_seat(request, runner) as seat:
            return self._start(self._factory.create(request, seat)), None

    @contextmanager
    def _with_seat(self, request: SessionRequest, ended: SessionRunner | None) -> Iterator[Seat]:
        """Holds the seat of the request, or a new one, during the block. ended: a session whose seat it
        replaces."""
        replaced = None if ended is None else ended.seat
        seat = request.seat or self.seats.take(request.user, request.address, replaced)
        seat.hold()
        try:
            yield seat
        finally:
            seat.release()

    async def _find_resumed(self, resume: Resume, request: SessionRequest) -> SessionRunner | None:
        """The session to resume, from this gateway or the store; one connection at a time."""
        async with self._resume_locks.setdefault(resume.session, asyncio.Lock()):
            held = self.find_local(request.dialect, resume, request.user)
            if held is None:
                return await self._claim(resume, request) if request.dialect.stored else None
            if resume.epoch <= held.log.epoch and (resume.last_seq or 0) <= held.journal.last:
                return held
            return await self._claim_if_moved(resume, request, held)

    async def _claim_if_moved(
        self, resume: Resume, request: SessionRequest, held: SessionRunner
    ) -> SessionRunner | None:
        """The local session, unless another gateway has taken it over since. Only the store decides this, not
        the numbers that the client sends: a client that was disconnected before the `ready` event of the
        other gateway does not know the new epoch, but may have received earlier events from it."""
        saved = await self._saved(resume, request.user, held.log.epoch)
        if saved is None:
            return None if held.ended.is_set() else held
        held.finish(Moved())
        with self._with_seat(request, held) as seat:
            return await self._taken_over(resume.session, request, saved, seat)

    async def _claim(self, resume: Resume, request: SessionRequest) -> SessionRunner | None:
        """Takes the session over from the gateway that held it."""
        earlier = self._runners.get(resume.session)
        own = earlier if earlier is not None and earlier.user == request.user else None
        with self._with_seat(request, own) as seat:
            saved = await self._saved(resume, request.user, 0)
            return None if saved is None else await self._taken_over(resume.session, request, saved, seat)

    async def _saved(self, resume: Resume, user: str, epoch: int) -> StoredSession | None:
        """Claims the session if its epoch in the store is after `epoch`; the other gateway then loses it."""
        try:
            return await self._services.store.claim(stored_name(resume.session, user), epoch)
        except StoreError as error:
            raise StoreUnavailable(str(error)) from error

    async def _taken_over(
        self, name: str, request: SessionRequest, saved: StoredSession, seat: Seat
    ) -> SessionRunner | None:
        runner = self._factory.restore(name, request, saved, seat)
        if runner is None:
            with suppress(StoreError):
                await self._services.store.drop(stored_name(name, request.user), saved.epoch)
            return None
        log.info("session taken over", session=runner.name, epoch=runner.log.epoch)
        return self._start(runner)

    def _start(self, runner: SessionRunner) -> SessionRunner:
        self._runners[runner.name] = runner
        runner.seat.hold().end_session = partial(self._end_evicted, runner)
        runner.seat.mark_detached()  # until its client attaches
        self._empty.clear()
        task = asyncio.create_task(runner.run(), name="session")
        self._tasks[task] = runner
        task.add_done_callback(self._forget)
        return runner

    def _forget(self, task: asyncio.Task[None]) -> None:
        runner = self._tasks.pop(task)
        runner.seat.release()
        self._remove(runner)

    def _end_evicted(self, runner: SessionRunner) -> None:
        """Ends a detached session whose seat was evicted, and forgets it at once."""
        runner.finish(None)
        self._remove(runner)

    def _remove(self, runner: SessionRunner) -> None:
        if self._runners.get(runner.name) is runner:  # not a later runner of the same session
            del self._runners[runner.name]
        if not self._runners:
            self._empty.set()

    def tick(self, late_s: float, now: float) -> None:
        """Passes the time to every session. now: monotonic seconds; late_s: by how much this call is late."""
        for runner in self:
            runner.tick(now, late_s)

    def _detached(self) -> list[SessionRunner]:
        return [runner for runner in self._runners.values() if runner.detached]

    def end_excess_detached(self) -> None:
        """Ends detached sessions above the limit: those of the users with the most of them, the longest
        detached first. So no user can displace the sessions of others."""
        detached = self._detached()
        owned = Counter(runner.user for runner in detached)
        waiting = sorted(detached, key=lambda runner: (-owned[runner.user], runner.record.alive_at))
        for runner in waiting[: max(0, len(waiting) - self._max_parked)]:
            runner.finish(None)

    async def drain(self, retry_after_ms: Callable[[], int], within_s: float) -> None:
        """Tells all clients to reconnect elsewhere; ends open turns after `within_s`."""
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
        """Ends all sessions now; waits at most a second for their tasks."""
        self._finish()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_END_S)
            if left:
                log.warning("sessions have not ended in time", sessions=len(left))


def _position(runner: SessionRunner, resume: Resume) -> int | None:
    """The number of the last event that the client has; None if the session is over or lacks a later one."""
    last_seq = runner.outbox.position if resume.last_seq is None else resume.last_seq
    return last_seq if not runner.ended.is_set() and runner.journal.can_resume_after(last_seq) else None
