"""Makes the sessions of this gateway, new ones and those that another gateway has saved."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from voicegw.core import events, snapshot
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.journal import Journal
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session, SessionOptions
from voicegw.core.session_store import NullStore, StoredSession
from voicegw.dialects.port import Dialect, Opening
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.outbox import Outbox
from voicegw.gateway.session.record import RecordState, SessionRecord
from voicegw.gateway.session.runner import SessionRunner
from voicegw.gateway.session.write_ahead import ResumeOptions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """The request of an admitted client for a session. seat: the one taken for it; None for a session that is
    resumed here, which has one."""

    dialect: Dialect
    opening: Opening
    user: str
    address: str = ""
    seat: Seat | None = None


class SessionFactory:
    """Makes runners, which the caller starts. new_scorer: makes the voice activity detector of one session.
    limits: rates of sessions, users and addresses."""

    def __init__(
        self,
        options: SessionOptions,
        connection: ConnectionOptions,
        resume: ResumeOptions,
        services: Services,
        new_scorer: Callable[[], SpeechScorer],
        limits: Limits,
    ) -> None:
        self._options = options
        self._connection = connection
        self._resume = resume
        self._services = services
        self._services_without_store = replace(services, store=NullStore())  # for those not stored
        self._new_scorer = new_scorer
        self._limits = limits

    def create(self, request: SessionRequest, seat: Seat) -> SessionRunner:
        """A new session for the request."""
        profile = request.opening.profile
        runner = self._new_runner(secrets.token_urlsafe(12), request, profile, self._new_journal(), seat)
        runner.record.session.open()
        return runner

    def restore(
        self, name: str, request: SessionRequest, saved: StoredSession, seat: Seat
    ) -> SessionRunner | None:
        """The session restored from the store; None when the stored state cannot be used."""
        try:
            state = snapshot.decode(saved.snapshot, RecordState)
            if state is None or state.dialect != request.dialect.name:
                return None
            journal = self._new_journal()
            journal.restore(saved.events, state.last_event, state.ready_events)
            runner = self._new_runner(name, request, state.profile, journal, seat)
            runner.restore(saved, state)
        except Exception as error:  # noqa: BLE001 - corrupt data may raise anything, and may quote the user
            log.error("a saved session cannot be restored", session=name, reason=type(error).__name__)
            return None
        return runner

    def _new_journal(self) -> Journal:
        return Journal(self._connection.max_outbox_bytes, self._resume.max_kept_bytes)

    def _new_runner(
        self, name: str, request: SessionRequest, profile: SessionProfile, journal: Journal, seat: Seat
    ) -> SessionRunner:
        services = self._services if request.dialect.stored else self._services_without_store
        transcription = services.transcription.new_transcription(name, profile.language)
        session = Session(name, self._options, profile, self._new_scorer(), transcription)
        outbox = Outbox(journal, write_ahead=services.store.durable)
        quota = Quota(self._limits.session_rates, outbox.unsaved)
        now = time.monotonic()
        record = SessionRecord(session, request.user, request.dialect.name, quota, now, now)
        limits = events.Limits(
            max_message_bytes=request.dialect.max_message_bytes,
            max_burst_ms=self._options.max_burst_ms,
            idle_timeout_ms=self._connection.idle_timeout_ms,
            max_session_ms=self._connection.max_session_ms,
        )
        # for a reply that starts before a connection attaches, as after a takeover
        limiter = SessionLimiter(self._limits, request.user, seat.address, 1, quota)
        return SessionRunner(record, services, outbox, self._resume, limits, seat, limiter)
