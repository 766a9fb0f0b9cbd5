"""The data of one session, and the part of it that is stored so that another gateway can resume it."""

from dataclasses import dataclass

import msgspec

from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session
from voicegw.core.session_store import StoredSession
from voicegw.core.snapshot import SessionState
from voicegw.gateway.limits.quota import Quota, QuotaState


class RecordState(msgspec.Struct, array_like=True):
    """The stored state of a session, apart from its events and its audio.

    dialect: its name. age_s: since the session was opened. last_event: number of the last event.
    ready_events: numbers of the `ready` events, which are outdated after a takeover. quota: use of the
    session's limits.
    """

    dialect: str
    profile: SessionProfile
    age_s: float
    last_event: int
    ready_events: list[int]
    session: SessionState
    quota: QuotaState = QuotaState()


@dataclass(slots=True)
class SessionRecord:
    """user: owner of the session; empty in development mode. dialect: name of the one it was opened in.
    opened_at, alive_at: monotonic seconds of its start and of its last message in either direction, or of the
    end of its last connection."""

    session: Session
    user: str
    dialect: str
    quota: Quota
    opened_at: float
    alive_at: float

    @property
    def name(self) -> str:
        """The random id of the session, which is also the secret needed to resume it."""
        return self.session.name

    @property
    def profile(self) -> SessionProfile:
        """The current profile of the session."""
        return self.session.profile

    def state(self, last_event: int, ready_events: list[int], now: float, unix_now: float) -> RecordState:
        """The state to store. now: monotonic seconds; unix_now: the same moment in Unix time."""
        return RecordState(
            self.dialect,
            self.profile,
            now - self.opened_at,
            last_event,
            ready_events,
            self.session.snapshot(now),
            self.quota.state(now, unix_now),
        )

    def restore(self, state: RecordState, saved: StoredSession, now: float, unix_now: float) -> None:
        """Restores the state that another gateway saved."""
        self.opened_at = now - state.age_s - saved.age_s
        self.quota.restore(state.quota, saved.age_s, now, unix_now)
        self.session.restore(state.session, saved.audio, saved.audio_start, saved.age_s, now)
