"""Calls of Asterisk in both forms of its control messages, frame by frame."""

from pathlib import Path

import pytest
from websockets.datastructures import Headers

from tests.dialects.transcript import check_transcript, transcripts
from voicegw.dialects.asterisk import AsteriskDialect
from voicegw.dialects.port import Handshake


def test_there_is_a_transcript_of_each_form() -> None:
    assert [path.stem for path in transcripts("asterisk")] == ["json", "text"]


@pytest.mark.parametrize("path", transcripts("asterisk"), ids=lambda path: path.stem)
def test_a_call_is_as_in_its_transcript(path: Path) -> None:
    codec = AsteriskDialect().connect(Handshake("/asterisk/of.the.url", "exten=100", Headers()))
    assert codec.opening is None
    check_transcript(codec, path)
