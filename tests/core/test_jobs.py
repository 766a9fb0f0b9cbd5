import msgspec
import pytest

from voicegw.core.jobs import (
    DecodeJob,
    DecodeKind,
    Word,
    decode_jobs,
    encode_jobs,
    text_of,
)
from voicegw.errors import UndecodableMessage

JOB = DecodeJob("s", 7, DecodeKind.FINAL, 3200, b"\x01\x00\xff\x7f", "before", "de", ("Quilter",))
WORDS = (Word("Grüß", 0, 160, 0.5), Word("Gott.", 160, 320, 1.0))


def test_a_batch_survives_encoding_and_decoding() -> None:
    assert decode_jobs(encode_jobs([JOB, JOB])) == [JOB, JOB]


@pytest.mark.parametrize("data", [b"", b"\xc1", encode_jobs([JOB])[:-3], b"\x91\x91\x00"])
def test_invalid_data_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableMessage, match="not a batch of decode jobs"):
        decode_jobs(data)


def test_a_job_of_an_earlier_version_has_neither_key_terms_nor_context_nor_lead_in() -> None:
    earlier = msgspec.msgpack.encode([msgspec.structs.astuple(JOB)[:-6]])
    assert decode_jobs(earlier) == [msgspec.structs.replace(JOB, key_terms=())]


def test_a_background_job_waits_among_the_partials() -> None:
    background = msgspec.structs.replace(JOB, background=True)
    assert (JOB.lane, background.lane) == (JOB.kind, DecodeKind.PARTIAL)


def test_words_read_as_a_line() -> None:
    assert text_of(WORDS) == "Grüß Gott."
    assert text_of(()) == ""


def test_words_that_are_joined_have_no_blank_in_front() -> None:
    words = (Word("今", 0, 160, 0.5, joined=True), Word("日", 160, 320, 1.0, joined=True), WORDS[0])
    assert text_of(words) == "今日 Grüß"
