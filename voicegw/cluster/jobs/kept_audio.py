"""The audio that a worker keeps of the sessions it serves, so that a job carries only new samples.

A gateway remembers which worker decoded a session last, and which samples that worker has. The next job of
the session goes to it, without these samples. The worker completes the window and compares its checksum; what
it cannot complete, it reports, and the gateway sends the whole window to any worker. So nothing depends on
the memory of either side.

Audio is kept for 10 s after the last job of its session, and at most the last 30 s of a session. Positions
are session samples, ends exclusive.
"""

import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from voicegw.cluster.jobs.job_messages import Submission, unpacked
from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE
from voicegw.core.jobs import DecodeJob
from voicegw.errors import UndecodableMessage

KEPT_S = 10.0  # by the worker, after the last job
_TRUSTED_S = 8.0  # by the gateway: less, since answers take time
KEPT_AUDIO_S = 30  # of a session; no window is longer
_KEPT_SAMPLES = KEPT_AUDIO_S * SAMPLE_RATE

Range = tuple[int, int]


class Ranges:
    """Sets of samples: disjoint ranges in order."""

    def __init__(self) -> None:
        self._ranges: list[Range] = []

    def add(self, start: int, end: int) -> None:
        """Adds a range, and removes samples more than 30 s before the newest one."""
        apart = [each for each in self._ranges if each[1] < start or each[0] > end]
        touching = [each for each in self._ranges if each not in apart]
        merged = min([start, *(each[0] for each in touching)]), max([end, *(each[1] for each in touching)])
        newest = max([merged[1], *(each[1] for each in apart)])
        oldest = newest - _KEPT_SAMPLES
        self._ranges = sorted((max(first, oldest), last) for first, last in (*apart, merged) if last > oldest)

    def within(self, start: int, end: int) -> tuple[Range, ...]:
        """The parts of a range that are in the set."""
        cut = ((max(start, first), min(end, last)) for first, last in self._ranges)
        return tuple((first, last) for first, last in cut if first < last)


def _end(job: DecodeJob) -> int:
    return job.start + len(job.pcm) // SAMPLE_BYTES


@dataclass(slots=True)
class _Session:
    """Which samples of a session its last worker has."""

    worker: str
    decoded_at: float
    ranges: Ranges = field(default_factory=Ranges)


class AudioLocations:
    """The gateway's side: which worker has which audio. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._counts = Counter[str]()  # sessions, by worker

    def worker_of(self, session: str, now: float) -> str:
        """The worker that has audio of the session; empty when there is none."""
        known = self._sessions.get(session)
        return known.worker if known is not None and now - known.decoded_at < _TRUSTED_S else ""

    def sessions_of(self, worker: str) -> int:
        """Of how many sessions a worker has audio."""
        return self._counts[worker]

    def without_kept(self, submission: Submission) -> Submission:
        """The submission for the worker of its session: without the samples that this worker has."""
        job = submission.job
        kept = self._sessions[job.session].ranges.within(job.start, _end(job))
        pcm = b"".join(_cut(job, *gap) for gap in _gaps(kept, job.start, _end(job)))
        return msgspec.structs.replace(
            submission,
            job=msgspec.structs.replace(job, pcm=pcm),
            kept=kept,
            checksum=zlib.crc32(job.pcm),
        )

    def decoded(self, job: DecodeJob, worker: str, now: float) -> None:
        """A worker has decoded this whole window."""
        known = self._sessions.get(job.session)
        if known is None or known.worker != worker:
            self.forget(job.session)
            known = self._sessions[job.session] = _Session(worker, now)
            self._counts[worker] += 1
        known.decoded_at = now
        known.ranges.add(job.start, _end(job))

    def forget(self, session: str) -> None:
        """No worker has audio of this session."""
        if (known := self._sessions.pop(session, None)) is not None:
            self._counts[known.worker] -= 1
            if not self._counts[known.worker]:
                del self._counts[known.worker]

    def __len__(self) -> int:
        """Of how many sessions a worker has audio."""
        return len(self._sessions)

    def expire(self, now: float) -> None:
        """Forgets the sessions whose audio is no longer kept."""
        for session, known in tuple(self._sessions.items()):
            if now - known.decoded_at >= _TRUSTED_S:
                self.forget(session)


def _cut(job: DecodeJob, start: int, end: int) -> bytes:
    return job.pcm[SAMPLE_BYTES * (start - job.start) : SAMPLE_BYTES * (end - job.start)]


def _gaps(kept: tuple[Range, ...], start: int, end: int) -> Iterator[Range]:
    """The ranges between the kept ones."""
    for first, last in kept:
        if start < first:
            yield start, first
        start = last
    if start < end:
        yield start, end


class _Audio:
    """Samples of one session, with gaps that are never read."""

    def __init__(self) -> None:
        self.used_at = 0.0
        self._start = 0
        self._pcm = bytearray()
        self._ranges = Ranges()

    def __len__(self) -> int:
        return len(self._pcm)

    def add(self, start: int, pcm: bytes) -> None:
        """Adds a window, and drops samples more than 30 s before the newest one."""
        end = start + len(pcm) // SAMPLE_BYTES
        if not self._pcm or abs(start - self._start) > 2 * _KEPT_SAMPLES:
            self._start, self._pcm, self._ranges = start, bytearray(), Ranges()
        if start < self._start:
            self._pcm[:0] = bytes(SAMPLE_BYTES * (self._start - start))
            self._start = start
        if (missing := SAMPLE_BYTES * (end - self._start) - len(self._pcm)) > 0:
            self._pcm += bytes(missing)
        at = SAMPLE_BYTES * (start - self._start)
        self._pcm[at : at + len(pcm)] = pcm
        self._ranges.add(start, end)
        if (excess := len(self._pcm) // SAMPLE_BYTES - _KEPT_SAMPLES) > 0:
            del self._pcm[: SAMPLE_BYTES * excess]
            self._start += excess

    def read(self, start: int, end: int) -> bytes | None:
        """None unless all of these samples are here."""
        if self._ranges.within(start, end) != ((start, end),):
            return None
        return bytes(self._pcm[SAMPLE_BYTES * (start - self._start) : SAMPLE_BYTES * (end - self._start)])


class AudioCache:
    """The worker's side: the audio of sessions, by gateway and session, up to `max_bytes` in all. Times are
    monotonic seconds."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._sessions: OrderedDict[tuple[str, str], _Audio] = OrderedDict()  # least recently used first
        self._bytes = 0

    def __len__(self) -> int:
        """How many bytes are kept."""
        return self._bytes

    def complete(self, submission: Submission, now: float) -> Submission | None:
        """The submission with its whole window, which is kept; None when the omitted samples are missing or
        differ, or the others cannot be unpacked."""
        try:
            submission = unpacked(submission)
        except UndecodableMessage:
            return None
        job, key = submission.job, (submission.gateway, submission.job.session)
        if submission.kept:
            pcm = self._window(submission)
            if pcm is None or zlib.crc32(pcm) != submission.checksum:
                return None
            job = msgspec.structs.replace(job, pcm=pcm)
        if len(job.pcm) % SAMPLE_BYTES == 0:  # else it is for the recogniser to refuse
            self._keep(key, job, now)
        return msgspec.structs.replace(submission, job=job, kept=())

    def _keep(self, key: tuple[str, str], job: DecodeJob, now: float) -> None:
        audio = self._sessions.setdefault(key, _Audio())
        self._sessions.move_to_end(key)
        self._bytes -= len(audio)
        audio.add(job.start, job.pcm)
        self._bytes += len(audio)
        audio.used_at = now
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._sessions)))

    def _window(self, submission: Submission) -> bytes | None:
        """The sent samples, with the kept ones between them."""
        audio = self._sessions.get((submission.gateway, submission.job.session))
        parts, sent, at = list[bytes](), submission.job.pcm, submission.job.start
        for start, end in submission.kept:
            kept = None if audio is None else audio.read(start, end)
            if kept is None or start < at:
                return None
            gap = SAMPLE_BYTES * (start - at)
            parts += (sent[:gap], kept)
            sent, at = sent[gap:], end
        return b"".join((*parts, sent))

    def expire(self, now: float) -> None:
        """Drops the audio of sessions without a job for KEPT_S."""
        while self._sessions and now - next(iter(self._sessions.values())).used_at >= KEPT_S:
            self._drop(next(iter(self._sessions)))

    def _drop(self, key: tuple[str, str]) -> None:
        self._bytes -= len(self._sessions.pop(key))
