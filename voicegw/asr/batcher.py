"""Which queued job is decoded next: finals first, then the partials that have waited longest.

A session has at most one partial in the queue: a newer one takes the older one's place in the line, and
a final drops it, because a result that its session no longer waits for is not worth decoding. So the
queue holds no more than the sessions have open utterances.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from voicegw.core.jobs import DecodeJob, DecodeKind

Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Ticket]):
    """A job in the queue, with whatever its submitter needs to be told by."""

    job: DecodeJob
    ticket: Ticket


class JobQueue(Generic[Ticket]):
    """See the module; every answer is immediate."""

    def __init__(self) -> None:
        self._finals: dict[tuple[str, int], Entry[Ticket]] = {}
        self._partials: dict[str, Entry[Ticket]] = {}

    def __len__(self) -> int:
        return len(self._finals) + len(self._partials)

    def add(self, entry: Entry[Ticket]) -> Entry[Ticket] | None:
        """Queues a job; returns the partial that is useless now, if there is one: an older one that was
        waiting, or this one, when it comes back from a lost worker and a newer job waits already."""
        job = entry.job
        waiting = self._partials.get(job.session)
        if job.kind is DecodeKind.PARTIAL:
            if self._newest(job.session) > job.number:
                return entry
            self._partials[job.session] = entry  # a dict keeps the place of a key that is set again
            return waiting
        self._finals[job.session, job.number] = entry
        return self._partials.pop(job.session, None)

    def _newest(self, session: str) -> int:
        """The highest number of this session's that waits."""
        partial = self._partials.get(session)
        waiting = [number for owner, number in self._finals if owner == session]
        return max(waiting, default=0) if partial is None else partial.job.number

    def remove(self, job: DecodeJob) -> None:
        """Forgets a job that nobody waits for any more; harmless when it is not queued."""
        self._finals.pop((job.session, job.number), None)
        waiting = self._partials.get(job.session)
        if waiting is not None and waiting.job.number == job.number:
            del self._partials[job.session]

    def take(self) -> Entry[Ticket] | None:
        """The next job, no longer queued; None when the queue is empty."""
        if self._finals:
            return self._finals.pop(next(iter(self._finals)))
        if self._partials:
            return self._partials.pop(next(iter(self._partials)))
        return None
