"""Calls of each client of `/bridge`, frame by frame."""

from pathlib import Path

import pytest
from websockets.datastructures import Headers

from tests.dialects.transcript import check_transcript, transcripts
from voicegw.dialects.bridge import BridgeDialect, VonageOptions
from voicegw.dialects.port import Handshake

JAMBONZ, DRACHTIO = "audio.jambonz.org", "audio.drachtio.org"
REQUESTS = {  # by transcript: the query of the URL, and the subprotocol that the client offers
    "jambonz": ("", JAMBONZ),
    "jambonz_play": ("replies=json&side=right", JAMBONZ),
    "mod_audio_fork": ("rate=8k", DRACHTIO),
    "mod_audio_stream": ("rate=8000", ""),
    "vonage": ("", ""),
}


def test_there_is_a_transcript_of_each_client() -> None:
    assert [path.stem for path in transcripts("bridge")] == list(REQUESTS)


@pytest.mark.parametrize("path", transcripts("bridge"), ids=lambda path: path.stem)
def test_a_call_is_as_in_its_transcript(path: Path) -> None:
    query, subprotocol = REQUESTS[path.stem]
    headers = Headers({"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {})
    dialect = BridgeDialect(VonageOptions())
    codec = dialect.connect(Handshake("/bridge/of.the.url", query, headers))
    assert codec.opening is None
    check_transcript(codec, path)
