"""A session's steps into the store, written before its client hears of them.

A step is written whenever there is something to tell, and now and then so that the store does not forget a
session in which nothing happens. While one is being written the next one gathers, so that a slow store means
fewer and larger steps. Audio that is not saved yet is still with the client, which keeps what has not been
acknowledged; so audio alone is no reason to write.

Without the store, events wait for `patience_ms`. Then the session is degraded: events are told at once and
unsaved, and the client is told so: it goes on, but would not survive the loss of this gateway. When a step
arrives after all, a whole one follows it, with what the store has missed.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2s

import structlog

from voicegw.core import snapshot
from voicegw.core.options import option
from voicegw.core.session_store import CommitsMissing, Store, StoreCommit, StoredSession, StoreError
from voicegw.errors import StoreUnavailable
from voicegw.gateway.session.outbox import Outbox
from voicegw.gateway.session.record import SessionRecord

log = structlog.get_logger(__name__)

_RETRY_S = 0.2
_REFRESH_S = 20.0


@dataclass(frozen=True, slots=True)
class ResumeOptions:
    """What is kept for a client that was cut off."""

    window_ms: int = option(120_000, "time it has to come back; 0 for none", ge=0, le=3_600_000)
    max_kept_bytes: int = option(500_000, "events kept for one client after they were sent", ge=10_000)
    max_parked: int = option(200, "sessions that may wait for their clients; beyond, the oldest ends", ge=0)
    store_patience_ms: int = option(
        5_000, "time without Redis after which a session goes on unsaved", ge=100, le=120_000
    )


def stored_name(session: str, user: str) -> str:
    """What a session is called in the store: by a name that only its own user's requests lead to."""
    return f"{session}.{blake2s(user.encode(), digest_size=8).hexdigest()}"


class WriteAheadLog:
    """Of one session. `on_store_error` is called when events have to be sent unsaved. epoch: under which this
    gateway holds the session."""

    def __init__(
        self,
        record: SessionRecord,
        store: Store,
        outbox: Outbox,
        options: ResumeOptions,
        on_store_error: Callable[[StoreUnavailable], None],
    ) -> None:
        self.epoch = 1
        self._record = record
        self._store = store
        self._name = stored_name(record.name, record.user)
        self._outbox = outbox
        self._patience_ms = options.store_patience_ms
        self._on_store_error = on_store_error
        self._saved_until: int | None = None  # the sample; None when the store has nothing yet
        self._away_since: float | None = None

    def restore(self, saved: StoredSession) -> None:
        """Goes on where another gateway was, under the epoch of the claim."""
        self.epoch = saved.epoch
        self._saved_until = saved.audio_start + len(saved.audio) // 2

    async def drop(self) -> None:
        """The session is over. A store that cannot be told so forgets it in time."""
        with suppress(StoreError):
            await self._store.drop(self._name, self.epoch)

    async def run(self) -> None:
        """Saves until cancelled. Raises Fenced when another gateway holds the session."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH_S):
                    await self._outbox.unsaved.wait()
            self._outbox.unsaved.clear()
            await self._save()
            while self._outbox.degraded:  # the store is back, and has not got what was told meanwhile
                self._outbox.degraded, self._saved_until = False, None
                await self._save()

    async def _save(self) -> None:
        """Writes a step with all there is, however often it takes."""
        while True:
            begun_at = time.monotonic()
            step, until = self._step()
            entries = self._outbox.journal.unsaved()
            try:
                await self._store.save(step)
            except CommitsMissing:
                self._saved_until = None
            except StoreError as trouble:
                self._receive_trouble(trouble, begun_at)
                await asyncio.sleep(_RETRY_S)
            else:
                self._saved_until, self._away_since = until, None
                return self._outbox.release(entries)

    def _step(self) -> tuple[StoreCommit, int]:
        """What is to be written, and up to which sample the audio is then saved."""
        journal, session = self._outbox.journal, self._record.session
        kept = session.transcription.kept_audio(self._saved_until or 0)
        state = self._record.state(journal.last, journal.ready_events, time.monotonic(), time.time())
        whole = kept.start != self._saved_until
        step = StoreCommit(
            session=self._name,
            epoch=self.epoch,
            snapshot=snapshot.encode(state),
            events={entry.seq: entry.data for entry in (journal.entries() if whole else journal.unsaved())},
            first_event=journal.first,
            audio=kept.pcm,
            audio_start=kept.start,
            audio_from=kept.needed_from,
            whole=whole,
        )
        return step, kept.start + len(kept.pcm) // 2

    def _receive_trouble(self, trouble: StoreError, begun_at: float) -> None:
        """Gives up waiting, and says so, when the store has been away for long. One failure is not enough: to
        a process that was stopped every answer is late, and the next one may be `Fenced`."""
        if self._away_since is None:
            self._away_since = begun_at
            log.warning("session not saved", session=self._record.name, reason=str(trouble))
        elif not self._outbox.degraded and (time.monotonic() - self._away_since) * 1000 >= self._patience_ms:
            self._outbox.degrade()
            self._on_store_error(StoreUnavailable(f"{trouble}; the session goes on, but is not saved"))
