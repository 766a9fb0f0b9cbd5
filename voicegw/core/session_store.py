"""The port to a store of sessions, and a store that keeps nothing.

A gateway saves a session by commits, each one atomic write: the snapshot, the events since the last commit,
and the audio that is still needed. A commit contains the epoch in which its gateway owns the session. A
gateway that takes a session over increments the epoch; the store then rejects commits of the previous owner.
"""

from typing import ClassVar, Protocol

import msgspec


class StoreCommit(msgspec.Struct, frozen=True):
    """The changes of a session since the previous commit.

    snapshot: opaque to the store. base: that of the last commit without a base, of which the store may write
    only the change. events: encoded, by number; an event replaces a stored one of the same
    number. first_event: events with a smaller number are no longer needed. audio: s16le at 16 kHz from the
    session sample `audio_start` on; audio_from: audio before this sample is no longer needed. whole: the
    commit contains all that is needed of the session, and so repairs a store that has lost data.
    """

    session: str
    epoch: int
    snapshot: bytes
    events: dict[int, bytes]
    first_event: int
    audio: bytes
    audio_start: int
    audio_from: int
    whole: bool
    base: bytes = b""


class StoredSession(msgspec.Struct, frozen=True):
    """A session in the store, now owned in `epoch`. age_s: the time since the last commit, by the store's
    clock. The other fields are those of StoreCommit."""

    epoch: int
    snapshot: bytes
    events: dict[int, bytes]
    audio: bytes
    audio_start: int
    age_s: float = 0.0


class Fenced(Exception):
    """Another gateway owns the session now."""


class CommitsMissing(Exception):
    """The store does not have the previous commit: a whole commit is needed."""


class StoreError(Exception):
    """The store is unreachable or rejects writes; the operation may or may not have been done."""


class Store(Protocol):
    """A store of sessions. durable: whether saved sessions outlive this process."""

    durable: ClassVar[bool]

    async def save(self, commit: StoreCommit) -> None:
        """Saves a commit. Raises Fenced, CommitsMissing or StoreError."""
        ...

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        """Takes over a session whose epoch is higher than `since`, and increments its epoch. None when there
        is no such session, or it cannot be read. Raises StoreError."""
        ...

    async def drop(self, session: str, epoch: int) -> None:
        """Deletes a session that has ended. Raises StoreError."""
        ...


class NullStore:
    """The store of a single gateway: it keeps nothing, and sessions end with the process."""

    durable: ClassVar[bool] = False

    async def save(self, commit: StoreCommit) -> None:
        """Does nothing."""

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        """None: there are no sessions beside those of this process."""
        return None

    async def drop(self, session: str, epoch: int) -> None:
        """Does nothing."""
