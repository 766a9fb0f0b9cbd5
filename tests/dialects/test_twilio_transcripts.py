"""Calls of each carrier, frame by frame."""

from pathlib import Path

import pytest

from tests.dialects.transcript import check_transcript, transcripts
from voicegw.dialects.twilio.codec import TwilioCodec


def test_there_is_a_transcript_of_each_carrier() -> None:
    assert [path.stem for path in transcripts()] == ["exotel", "plivo", "telnyx", "twilio"]


@pytest.mark.parametrize("path", transcripts(), ids=lambda path: path.stem)
def test_a_call_is_as_in_its_transcript(path: Path) -> None:
    codec = TwilioCodec("of.the.path")
    assert codec.opening is None
    check_transcript(codec, path)
