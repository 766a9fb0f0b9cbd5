"""The sessions that this gateway holds, with a client attached or waiting for one to come back."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator

from voicegw.core.audio import InputDecoder
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.events import Limits
from voicegw.core.journal import Journal
from voicegw.core.session import Session, SessionOptions
from voicegw.dialects import native
from voicegw.dialects.parameters import Resume, StreamParameters
from voicegw.errors import Draining
from voicegw.gateway.connection import ConnectionOptions
from voicegw.gateway.host import ResumeOptions, Services, SessionHost
from voicegw.gateway.outbox import Outbox


class Sessions:
    """`new_scorer` makes the voice activity detector of one session."""

    def __init__(
        self,
        options: SessionOptions,
        connection: ConnectionOptions,
        resume: ResumeOptions,
        services: Services,
        new_scorer: Callable[[], SpeechScorer],
    ) -> None:
        self._options = options
        self._connection = connection
        self._resume = resume
        self._services = services
        self._new_scorer = new_scorer
        self._hosts: dict[str, SessionHost] = {}
        self._tasks: dict[asyncio.Task[None], SessionHost] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        services.metrics.sessions.set_function(lambda: len(self._hosts))
        services.metrics.sessions_parked.set_function(lambda: len(self._parked()))

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[SessionHost]:
        return iter(tuple(self._hosts.values()))

    def holds(self, resume: Resume | None) -> bool:
        """Whether the session that a client comes back for is here, so that it takes no more room."""
        return resume is not None and resume.session in self._hosts

    def find(self, wanted: StreamParameters, user: str) -> tuple[SessionHost, int | None]:
        """The session to serve: the one that is resumed, with the last event its client has seen, or a new
        one. To anybody but its user a session is one that does not exist."""
        if wanted.resume is not None:
            host = self._hosts.get(wanted.resume.session)
            mine = host is not None and host.user == user
            resumed = host is not None and mine and host.can_resume_after(wanted.resume.last_seq)
            self._services.metrics.resumes.labels("resumed" if resumed else "lost").inc()
            if host is not None and resumed:
                return host, wanted.resume.last_seq
            if host is not None and mine:
                host.finish(None)
        return self._start(self._new_host(wanted, user)), None

    def _new_host(self, wanted: StreamParameters, user: str) -> SessionHost:
        name = secrets.token_urlsafe(12)
        decoder = InputDecoder(wanted.audio_format, wanted.rate)
        session = Session(name, self._options, decoder, self._new_scorer(), wanted.language)
        session.configure_replies(wanted.reply)
        session.open()
        journal = Journal(native.encode, self._connection.max_outbox_bytes, self._resume.max_kept_bytes)
        limits = Limits(
            max_message_bytes=native.MAX_MESSAGE_BYTES,
            max_burst_ms=self._options.max_burst_ms,
            idle_timeout_ms=self._connection.idle_timeout_ms,
            max_session_ms=self._connection.max_session_ms,
        )
        return SessionHost(session, self._services, Outbox(journal), self._resume, limits, user)

    def _start(self, host: SessionHost) -> SessionHost:
        self._hosts[host.name] = host
        self._empty.clear()
        task = asyncio.create_task(host.run(), name="host")
        self._tasks[task] = host
        task.add_done_callback(self._forget)
        return host

    def _forget(self, task: asyncio.Task[None]) -> None:
        host = self._tasks.pop(task)
        del self._hosts[host.name]
        if not self._hosts:
            self._empty.set()

    def tick(self, _late_s: float, now: float) -> None:
        """Lets every session know the time, in monotonic seconds."""
        for host in self:
            host.tick(now)

    def _parked(self) -> list[SessionHost]:
        return [host for host in self._hosts.values() if host.parked]

    def limit_parked(self) -> None:
        """Ends sessions of those users who have most of them waiting, the longest first, when more wait than
        may: nobody can push out the sessions of others."""
        parked = self._parked()
        crowds = Counter(host.user for host in parked)
        waiting = sorted(parked, key=lambda host: (-crowds[host.user], host.alive_at))
        for host in waiting[: max(0, len(waiting) - self._resume.max_parked)]:
            host.finish(None)

    async def drain(self, retry_after_ms: Callable[[], int], within_s: float) -> None:
        """Tells everyone to move on, lets open turns finish until the deadline, then ends them."""
        for host in self:
            host.drain(retry_after_ms())
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            await self.end()

    async def end(self) -> None:
        """Ends all sessions now."""
        for host in self:
            host.finish(Draining())
        await self._empty.wait()
