import msgspec
import pytest

from tests.cluster.harness import job
from voicegw.cluster.jobs.job_messages import (
    Answer,
    Outcome,
    Submission,
    WorkerStatus,
    decode_answer,
    decode_status,
    decode_submission,
    encode,
    packed,
    unpacked,
)
from voicegw.core.jobs import DecodeResult, Word
from voicegw.errors import UndecodableMessage

RESULT = DecodeResult("s", 1, (Word("日", 0, 800, 0.5, joined=True),), 1.0, 2.0, "ja", 3.0, 0.75)


def test_all_of_them_come_back_as_they_went() -> None:
    submission = Submission("g", 7, job(pcm=b"\0\xff"))
    assert decode_submission(encode(submission)) == submission
    for answer in (Answer(7, Outcome.DONE, RESULT), Answer(7, Outcome.FAILED, reason="odd")):
        assert decode_answer(encode(answer)) == answer
    status = WorkerStatus(slots=4, held=1, busy_share=0.25)
    assert decode_status(encode(status)) == status


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x93\xa1x\x02\x03"])
def test_anything_else_is_malformed(data: bytes) -> None:
    for decode in (decode_submission, decode_answer, decode_status):
        with pytest.raises(UndecodableMessage):
            decode(data)


def test_what_is_nested_too_deeply_is_malformed() -> None:
    for message, decode in (
        (Submission("g", 7, job()), decode_submission),
        (Answer(7, Outcome.DONE, RESULT), decode_answer),
        (WorkerStatus(4, 1, 0.25), decode_status),
    ):
        known = encode(message)
        one_field_more = bytes([known[0] + 1]) + known[1:] + b"\x91" * 100_000 + b"\xc0"
        with pytest.raises(UndecodableMessage):
            decode(one_field_more)


def test_audio_that_is_packed_for_the_way_is_the_same_after_it() -> None:
    submission = Submission("g", 7, job(pcm=bytes(8_000)))
    short = packed(submission)
    assert short.packed
    assert packed(short) == short
    assert len(short.job.pcm) < 1_000
    assert unpacked(decode_submission(encode(short))) == unpacked(submission) == submission


def test_an_earlier_version_unpacks_nothing() -> None:
    status = msgspec.msgpack.encode([4, 1, 0.25, [1], 500])
    assert not decode_status(status).unpacks


def test_a_later_versions_additions_are_skipped() -> None:
    longer = [*msgspec.msgpack.decode(encode(Answer(7, Outcome.DONE, RESULT))), "new"]
    assert decode_answer(msgspec.msgpack.encode(longer)) == Answer(7, Outcome.DONE, RESULT)
