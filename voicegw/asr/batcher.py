"""Which queued jobs are decoded next, together: finals first, then the partials that have waited longest, and
last background jobs, which are those of recordings.

Jobs are decoded in one batch when the model can do so without loss: of one kind and urgency, in one language,
with the same prompt (most often none), since those of a batch must have as many tokens, and of nearly the
same length, since a batch is padded to its longest window. An urgent job does not wait until another one was
decoded again. Key terms are read later (key_terms.py), and may differ.

A session has at most one partial in the queue: a newer one takes the older one's place in the queue, and a
final drops it, because a result that its session no longer waits for is not worth decoding. So does an urgent
final with the one that it replaces. So the queue holds no more than the sessions have open utterances.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind

_BYTES_PER_SECOND = 2 * SAMPLE_RATE
_SPREAD_S = 0.5  # difference in length within a batch: what padding may cost

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Request]):
    """A job in the queue, with the submitter's own data. alone: it was lost with a worker, so it is decoded
    alone: a job that kills workers must not take others with it."""

    job: DecodeJob
    request: Request
    alone: bool = False


class JobQueue(Generic[Request]):
    """See the module. No method waits."""

    def __init__(self) -> None:
        self._finals: dict[tuple[str, int], Entry[Request]] = {}
        self._partials: dict[str, Entry[Request]] = {}
        self._background: dict[tuple[str, int], Entry[Request]] = {}

    def __len__(self) -> int:
        return len(self._finals) + len(self._partials) + len(self._background)

    def add(self, entry: Entry[Request]) -> Entry[Request] | None:
        """Queues a job. Returns the one that is no longer needed, if there is one: an older one that was
        waiting, or this one if it was lost with a worker and a newer job waits already."""
        job = entry.job
        if job.background:
            self._background[job.session, job.number] = entry
            return None
        waiting = self._partials.get(job.session)
        if job.kind is DecodeKind.PARTIAL:
            if self._newest(job.session) > job.number:
                return entry
            self._partials[job.session] = entry  # a dict keeps the place of a key that is set again
            return waiting
        replaced = self._partials.pop(job.session, None) or self._replaced_final(job)
        self._finals[job.session, job.number] = entry
        if entry.alone:  # it has waited for longer than the others
            self._finals = {(job.session, job.number): entry} | self._finals
        return replaced

    def _replaced_final(self, job: DecodeJob) -> Entry[Request] | None:
        """The final of less speech that an urgent one replaces, no longer queued."""
        if not job.urgent:
            return None
        older = (key for key in self._finals if key[0] == job.session and key[1] < job.number)
        key = next(older, None)
        return None if key is None else self._finals.pop(key)

    def _newest(self, session: str) -> int:
        """The highest number of the waiting jobs of this session."""
        partial = self._partials.get(session)
        waiting = [number for owner, number in self._finals if owner == session]
        return max(waiting, default=0) if partial is None else partial.job.number

    @property
    def first(self) -> Entry[Request] | None:
        """The next job, if one waits."""
        return next(iter(self._finals.values()), None) or self.first_partial or self._first_background

    @property
    def _first_background(self) -> Entry[Request] | None:
        return next(iter(self._background.values()), None)

    @property
    def first_partial(self) -> Entry[Request] | None:
        """The next partial, if one waits."""
        return next(iter(self._partials.values()), None)

    def remove(self, job: DecodeJob) -> None:
        """Removes a job whose result is no longer needed. Does nothing when it is not queued."""
        self._finals.pop((job.session, job.number), None)
        self._background.pop((job.session, job.number), None)
        waiting = self._partials.get(job.session)
        if waiting is not None and waiting.job.number == job.number:
            del self._partials[job.session]

    def next(self, limit: int = 1, *, background: bool = True) -> list[Entry[Request]]:
        """The next job and up to `limit` - 1 others that fit it, which stay queued; none when it is empty. A
        background job is alone, and there only with `background`."""
        waiting: list[Entry[Request]] = [*self._finals.values(), *self._partials.values()]
        if not waiting and background and self._first_background is not None:
            waiting, limit = [self._first_background], 1
        if not waiting:
            return []
        first, rest = waiting[0], waiting[1:]
        return [first, *[entry for entry in rest if _fits(entry, first)]][:limit]


def _fits(entry: Entry[Request], first: Entry[Request]) -> bool:
    job, other = entry.job, first.job
    return (
        not (entry.alone or first.alone)
        and _alike(job) == _alike(other)
        and abs(len(job.pcm) - len(other.pcm)) <= _SPREAD_S * _BYTES_PER_SECOND
    )


def _alike(job: DecodeJob) -> tuple[object, ...]:
    """What is the same for all jobs of a batch."""
    return job.kind, job.language, job.prompt, job.urgent, job.retried
