"""Connections of vosk-server's own clients, frame by frame, as files of JSON lines.

`in` is a frame of the client, `gives` what the codec makes of it, `answers` the results for it; `event` is an
event of the session and `out` the frames for it; `ends` are the last frames.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from voicegw.core import commands
from voicegw.core.events import Event, Fault, FinalTranscript, PartialTranscript
from voicegw.core.jobs import Word
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio, Opening, Received
from voicegw.dialects.vosk.codec import VoskCodec
from voicegw.dialects.vosk.results import ResultForm

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts/vosk").glob("*.jsonl"))
HALF_S = 8_000  # samples


def frame(described: str | dict[str, int]) -> str | bytes:
    return described if isinstance(described, str) else bytes(described["audio"])


def described(received: Received) -> object:
    match received:
        case Opening(profile, "token"):
            terms = None if profile.key_terms is None else list(profile.key_terms)
            return {"opening": profile.rate, "key_terms": terms}
        case Audio(data):
            return {"audio": len(data)}
        case commands.Configure(key_terms=tuple(terms)):
            return {"configure": list(terms)}
        case commands.Commit():
            return "commit"
        case commands.End():
            return "end"
        case _:
            raise AssertionError(received)


def event(described: dict[str, Any]) -> Event:
    match described:
        case {"partial": [stable, tentative], "turn": turn}:
            return PartialTranscript(turn, stable, tentative, 0)
        case {"final": text, "turn": turn}:
            words = [Word(word, at * HALF_S, (at + 1) * HALF_S, 0.9) for at, word in enumerate(text.split())]
            return FinalTranscript(turn, text, tuple(words), 0, HALF_S)
        case {"fault": code}:
            return Fault(code, "why", False)
        case _:
            raise AssertionError(described)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_connection_is_as_in_its_transcript(path: Path) -> None:
    codec = VoskCodec(SessionProfile(), "token", ResultForm())
    for number, line in enumerate(map(json.loads, path.read_text().splitlines())):
        if "in" in line:
            assert [described(each) for each in codec.receive(frame(line["in"]))] == line["gives"], line
            out, wanted = codec.answer(), line["answers"]
        elif "event" in line:
            out, wanted = codec.send_event(event(line["event"]), number), line["out"]
        else:
            out, wanted = codec.end(None), line["ends"]
        assert [json.loads(each.data) for each in out] == wanted, line


def test_there_are_transcripts() -> None:
    assert [path.stem for path in TRANSCRIPTS] == ["microphone", "test.py", "test_alternatives.py"]
