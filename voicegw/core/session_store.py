"""Where sessions are kept beyond the gateway that holds them: the port, and the home that is none.

A gateway saves a session in steps, each of them one atomic write: the snapshot, the events since the last
step, and the audio that is still needed. A step carries the epoch under which its gateway holds the session;
a gateway that takes a session over raises the epoch, and the steps of the one before are refused from then
on.
"""

from typing import ClassVar, Protocol

import msgspec


class StoreCommit(msgspec.Struct, frozen=True):
    """What has become of a session since the step before.

    snapshot: opaque to the store. events: encoded, by number; one that is known already takes its place.
    first_event: those with a smaller number are no longer needed. audio: s16le at 16 kHz from the session
    sample `audio_start` on; audio_from: what is before it is no longer needed. whole: nothing of the
    session that this step does not carry is needed, so that it can make good for what the store has lost.
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


class StoredSession(msgspec.Struct, frozen=True):
    """A session as the store has it, now held under `epoch`. age_s: how long ago it was saved, by the
    store's clock. The other fields are those of StoreCommit."""

    epoch: int
    snapshot: bytes
    events: dict[int, bytes]
    audio: bytes
    audio_start: int
    age_s: float = 0.0


class Fenced(Exception):
    """Another gateway holds the session now."""


class CommitsMissing(Exception):
    """The store does not have what a step builds on: a whole one is needed."""


class StoreError(Exception):
    """The store cannot be reached, or takes nothing; what was asked for may or may not have been done."""


class Store(Protocol):
    """`durable`: whether what is saved outlives this process."""

    durable: ClassVar[bool]

    async def save(self, step: StoreCommit) -> None:
        """Raises Fenced, CommitsMissing or StoreError."""
        ...

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        """Takes over a session whose epoch is higher than `since`, from now on under a higher one. None when
        there is none, or none that can be read. Raises StoreError."""
        ...

    async def drop(self, session: str, epoch: int) -> None:
        """The session is over. Raises StoreError."""
        ...


class NullStore:
    """The home of sessions on one machine: they are where they are, and end with the process."""

    durable: ClassVar[bool] = False

    async def save(self, step: StoreCommit) -> None:
        """There is nothing to do."""

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        """A session that this gateway does not hold does not exist."""
        return None

    async def drop(self, session: str, epoch: int) -> None:
        """There is nothing to do."""
