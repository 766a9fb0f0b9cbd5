"""What a gateway holds of one session, and what of it is stored for another gateway to go on with."""

from dataclasses import dataclass

import msgspec

from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session
from voicegw.core.session_store import StoredSession
from voicegw.core.snapshot import SessionState
from voicegw.gateway.limits.quota import Quota, QuotaState
from voicegw.gateway.session.activity import ActivityTimestamps


class RecordState(msgspec.Struct, array_like=True):
    """What a store has of a session beside its events and its audio. dialect: by its name. age_s: since the
    session was opened; last_event: the number of the last; ready_events: those that say where to go on, and
    are wrong once another gateway says so; quota: what it has used of its own limits."""

    dialect: str
    profile: SessionProfile
    age_s: float
    last_event: int
    ready_events: list[int]
    session: SessionState
    quota: QuotaState = QuotaState()


@dataclass(slots=True)
class SessionRecord:
    """user: whose session it is; empty in development mode. dialect: that it was opened in, by name."""

    session: Session
    user: str
    dialect: str
    quota: Quota
    activity: ActivityTimestamps

    @property
    def name(self) -> str:
        """Of the session: random, and all that leads to it."""
        return self.session.name

    @property
    def profile(self) -> SessionProfile:
        """What the session is like now."""
        return self.session.profile

    def state(self, last_event: int, ready_events: list[int], now: float, unix_now: float) -> RecordState:
        """For the store. now: monotonic seconds; unix_now: the same moment in Unix time."""
        return RecordState(
            self.dialect,
            self.profile,
            now - self.activity.opened_at,
            last_event,
            ready_events,
            self.session.snapshot(now),
            self.quota.state(now, unix_now),
        )

    def restore(self, state: RecordState, saved: StoredSession, now: float, unix_now: float) -> None:
        """Goes on where another gateway was."""
        self.activity.opened_at = now - state.age_s - saved.age_s
        self.quota.restore(state.quota, saved.age_s, now, unix_now)
        self.session.restore(state.session, saved.audio, saved.audio_start, saved.age_s, now)
