"""The write-ahead log of a session: its events are saved in the store before its client gets them.

A commit is written when there are new events, and at intervals so that the store does not expire an idle
session. During a write the next events accumulate, so a slow store leads to fewer and larger commits. Audio
alone is no reason to commit: the client keeps the audio that has not been acknowledged.

When the store fails, events wait for `store_patience_ms`. Then the session is degraded: events are sent at
once and unsaved, and the client gets an error event, because the session would not survive the loss of this
gateway. When the store works again, a full commit follows, with everything that the store has missed.

Each attempt encodes the state and all unsaved audio. So while the store fails, attempts become less frequent,
and rare when no event waits for them.
"""

import asyncio
import random
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

_RETRY_S = 0.1  # after the first two failures; after others, twice as long as after the one before
_MAX_RETRY_S = 0.4  # while events wait: they come up to this much later after a failover
_MAX_DEGRADED_RETRY_S = 2.0
_REFRESH_S = 20.0
_MAX_CHANGES = 16  # of one snapshot, since it differs more and more from the newest


@dataclass(frozen=True, slots=True)
class ResumeOptions:
    """What is kept for a client that was disconnected."""

    window_ms: int = option(120_000, "time in which it can reconnect; 0 for none", ge=0, le=3_600_000)
    max_kept_bytes: int = option(500_000, "bytes of sent events that are kept for one client", ge=10_000)
    max_parked: int = option(500, "detached sessions that are kept; above this number, the oldest ends", ge=0)
    store_patience_ms: int = option(
        5_000, "time without Redis after which a session continues unsaved", ge=100, le=120_000
    )


def stored_name(session: str, user: str) -> str:
    """The name of a session in the store. It contains the user, so other users cannot reach the session."""
    return f"{session}.{blake2s(user.encode(), digest_size=8).hexdigest()}"


class WriteAheadLog:
    """The log of one session. on_store_error: called when events have to be sent unsaved. epoch: with which
    this gateway holds the session."""

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
        self._saved_until: int | None = None  # sample number; None before the first commit
        self._base = b""  # the snapshot of the last commit without a base
        self._changes = 0  # commits since then
        self._failing_since: float | None = None
        self._failures = 0  # since then

    def restore(self, saved: StoredSession) -> None:
        """Continues the log of another gateway, with the epoch of the claim."""
        self.epoch = saved.epoch
        self._saved_until = saved.audio_start + len(saved.audio) // 2

    async def drop(self) -> None:
        """Deletes an ended session. If the store fails, the session expires there."""
        with suppress(StoreError):
            await self._store.drop(self._name, self.epoch)

    async def run(self) -> None:
        """Writes commits until cancelled. Raises Fenced when another gateway holds the session."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH_S):
                    await self._outbox.unsaved.wait()
            self._outbox.unsaved.clear()
            await self._commit()
            while self._outbox.degraded:  # the store works again, but has missed the unsaved events
                self._outbox.degraded, self._saved_until = False, None
                await self._commit()

    async def _commit(self) -> None:
        """Writes one commit with everything that is unsaved; retries until it succeeds."""
        while True:
            begun_at = time.monotonic()
            commit, until = self._next_commit()
            entries = self._outbox.journal.unsaved()
            try:
                await self._store.save(commit)
            except CommitsMissing:
                self._saved_until = None
            except StoreError as error:
                self._handle_store_error(error, begun_at)
                await asyncio.sleep(self._pause_s())
            else:
                self._saved_until, self._failing_since, self._failures = until, None, 0
                self._base = commit.base or commit.snapshot
                self._changes = self._changes + 1 if commit.base else 0
                return self._outbox.release(entries)

    def _next_commit(self) -> tuple[StoreCommit, int]:
        """The commit to write, and the sample up to which audio is saved after it."""
        journal, session = self._outbox.journal, self._record.session
        kept = session.transcription.kept_audio(self._saved_until or 0)
        state = self._record.state(journal.last, journal.ready_events, time.monotonic(), time.time())
        whole = kept.start != self._saved_until
        commit = StoreCommit(
            session=self._name,
            epoch=self.epoch,
            snapshot=snapshot.encode(state),
            events={entry.seq: entry.data for entry in (journal.entries() if whole else journal.unsaved())},
            first_event=journal.first,
            audio=kept.pcm,
            audio_start=kept.start,
            audio_from=kept.needed_from,
            whole=whole,
            base=b"" if whole or self._changes == _MAX_CHANGES else self._base,
        )
        return commit, kept.start + len(kept.pcm) // 2

    def _handle_store_error(self, error: StoreError, begun_at: float) -> None:
        """Degrades the session when the store has failed for too long. One failure is not enough: after this
        process was suspended every answer is late, and the next one may be `Fenced`."""
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = begun_at
            log.warning("session not saved", session=self._record.name, reason=str(error))
        elif (
            not self._outbox.degraded and (time.monotonic() - self._failing_since) * 1000 >= self._patience_ms
        ):
            self._outbox.degrade()
            self._on_store_error(StoreUnavailable(f"{error}; the session continues, but is not saved"))

    def _pause_s(self) -> float:
        """How long to wait after a failure, with jitter, so that sessions do not retry in step. While events
        wait, the next attempt is not later than the end of their patience."""
        limit_s = _MAX_DEGRADED_RETRY_S if self._outbox.degraded else _MAX_RETRY_S
        longest_s = min(limit_s, _RETRY_S * 2 ** min(max(0, self._failures - 2), 10))
        pause_s = random.uniform(longest_s / 2, longest_s)
        if self._failing_since is not None and not self._outbox.degraded:
            pause_s = min(pause_s, self._failing_since + self._patience_ms / 1000 - time.monotonic())
        return max(_RETRY_S, pause_s)
