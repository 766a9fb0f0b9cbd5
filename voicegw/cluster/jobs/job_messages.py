"""The messages of gateways and workers in Redis: submissions, answers, and the status of a worker.

Fields are only added at the end, with a default, so that gateways and workers of successive versions
understand each other while an installation is being upgraded.
"""

from enum import StrEnum
from typing import TypeVar

import msgspec

from voicegw.cluster.redis.packed_audio import pack, unpack
from voicegw.core.jobs import DecodeJob, DecodeResult
from voicegw.errors import UndecodableMessage


class Submission(msgspec.Struct, frozen=True, array_like=True):
    """A job on its way to a worker.

    gateway, request: the gateway and the number of its request. A gateway gets a new name at each start, so
    an answer is never taken for that to a request of an earlier process. traceparent: of the gateway's span
    (W3C Trace Context).
    kept: ranges of the window's session samples, ends exclusive, that the job's audio omits because this
    worker has them; only in a stream of one worker. checksum: CRC-32 of the whole window, with `kept`.
    packed: the job's audio is packed (packed_audio.py); only for a worker that unpacks it.
    """

    gateway: str
    request: int
    job: DecodeJob
    traceparent: str = ""
    kept: tuple[tuple[int, int], ...] = ()
    checksum: int = 0
    packed: bool = False


class Outcome(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "overtaken"  # as earlier versions write it
    SHED = "shed"
    INCOMPLETE = "incomplete"  # the worker has not kept what the job omits


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """The end of a job. `result` belongs to DONE, `reason` to FAILED. worker: who keeps the audio."""

    request: int
    outcome: Outcome
    result: DecodeResult | None = None
    reason: str = ""
    worker: str = ""


class WorkerStatus(msgspec.Struct, frozen=True, array_like=True):
    """The status of a worker, written twice a second.

    slots: jobs that it can do at once; none while it is not warm. held: jobs that it has. busy_share: share
    of the time since the last status in which its processes decoded, 0 to 1. shard_counts: those of
    which it reads the job streams. lease_ms: after which others may claim its jobs. unpacks: whether it reads
    packed audio, which earlier versions do not.
    """

    slots: int
    held: int
    busy_share: float
    shard_counts: tuple[int, ...] = (1,)
    lease_ms: int = 500
    unpacks: bool = False


def encode(message: msgspec.Struct) -> bytes:
    """The bytes of any of these."""
    return msgspec.msgpack.encode(message)


def packed(submission: Submission) -> Submission:
    """The submission with packed audio."""
    if submission.packed:
        return submission
    return _with_audio(submission, pack(submission.job.pcm), is_packed=True)


def unpacked(submission: Submission) -> Submission:
    """The submission with its audio as it was before it was packed. Raises UndecodableMessage."""
    if not submission.packed:
        return submission
    return _with_audio(submission, unpack(submission.job.pcm), is_packed=False)


def _with_audio(submission: Submission, pcm: bytes, *, is_packed: bool) -> Submission:
    job = msgspec.structs.replace(submission.job, pcm=pcm)
    return msgspec.structs.replace(submission, job=job, packed=is_packed)


def decode_submission(data: bytes) -> Submission:
    """Raises UndecodableMessage for anything else."""
    return _decode(data, Submission, "a submission")


def decode_answer(data: bytes) -> Answer:
    """Raises UndecodableMessage for anything else."""
    return _decode(data, Answer, "an answer")


def decode_status(data: bytes) -> WorkerStatus:
    """Raises UndecodableMessage for anything else."""
    return _decode(data, WorkerStatus, "a worker's status")


_Message = TypeVar("_Message", bound=msgspec.Struct)


def _decode(data: bytes, kind: type[_Message], what: str) -> _Message:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:  # the latter for what is nested too deeply
        raise UndecodableMessage(f"not {what}: {error}") from error
