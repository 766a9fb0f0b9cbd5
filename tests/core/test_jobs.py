import pytest

from voicegw.core.jobs import (
    DecodeJob,
    DecodeKind,
    DecodeResult,
    Word,
    decode_job,
    decode_result,
    encode,
    text_of,
)
from voicegw.errors import MalformedMessage

JOB = DecodeJob("s", 7, DecodeKind.FINAL, 3200, b"\x01\x00\xff\x7f", prompt="before", language="de")
RESULT = DecodeResult("s", 7, (Word("Grüß", 0, 160, 0.5), Word("Gott.", 160, 320, 1.0)), 1.5, 20.25)


def test_a_job_survives_the_wire() -> None:
    assert decode_job(encode(JOB)) == JOB


def test_a_result_survives_the_wire() -> None:
    assert decode_result(encode(RESULT)) == RESULT


@pytest.mark.parametrize("data", [b"", b"\xc1", encode(JOB)[:-3], encode(RESULT)])
def test_what_is_no_job_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage, match="not a decode job"):
        decode_job(data)


@pytest.mark.parametrize("data", [b"", b"\xc1", encode(RESULT)[:-3], encode(JOB)])
def test_what_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage, match="not a decode result"):
        decode_result(data)


def test_words_read_as_a_line() -> None:
    assert text_of(RESULT.words) == "Grüß Gott."
    assert text_of(()) == ""
