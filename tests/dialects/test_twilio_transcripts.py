"""Calls of each carrier, frame by frame: what comes in and what goes out, as files of JSON lines.

`in` is a frame of the carrier and `gives` what the codec makes of it; `plays` is reply audio and `clears` the
order to stop it, and `out` the frames for the carrier, where "media" stands for any audio.
"""

import base64
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from voicegw.core.commands import Cancel, End, Played, TypeText
from voicegw.dialects.port import Audio, Frame, Opening, Received, ReplyAudio
from voicegw.dialects.twilio.codec import TwilioCodec

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.jsonl"))


def described(received: Received) -> object:
    match received:
        case Opening(profile, token):
            asked = {name: value for name, value in asdict(profile).items() if value not in (None, "")}
            return {"opening": asked, "token": token}
        case Audio(data):
            return {"audio": base64.b64encode(data).decode()}
        case TypeText(text):
            return {"text": text}
        case Played(audio_ms, turn):
            return {"played": audio_ms, "turn": turn}
        case Cancel():
            return "cancel"
        case End():
            return "end"
        case _:
            raise AssertionError(received)


def sent(frame: Frame, expected: object) -> object:
    """The frame as JSON, or only what it is where no more is expected."""
    assert frame.text
    message = json.loads(frame.data)
    return message["event"] if isinstance(expected, str) else message


def check(codec: TwilioCodec, line: dict[str, Any], sent_ms: Counter[int]) -> None:
    """sent_ms: reply audio of each turn so far."""
    if "in" in line:
        assert [described(each) for each in codec.receive(json.dumps(line["in"]))] == line["gives"], line
        return
    if "clears" in line:
        frames = list(codec.stop_audio())
    else:
        plays = line["plays"]
        audio = base64.b64decode(plays["audio"]) if "audio" in plays else b"\xff" * plays["silence"]
        sent_ms[plays["turn"]] += plays["ms"]
        frames = list(codec.send_audio(ReplyAudio(plays["turn"], audio, plays["ms"], sent_ms[plays["turn"]])))
    assert len(frames) == len(line["out"])
    pairs = zip(frames, line["out"], strict=True)
    assert [sent(frame, expected) for frame, expected in pairs] == line["out"], line


def test_there_is_a_transcript_of_each_carrier() -> None:
    assert [path.stem for path in TRANSCRIPTS] == ["exotel", "plivo", "telnyx", "twilio"]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_call_is_as_in_its_transcript(path: Path) -> None:
    codec = TwilioCodec("of.the.path")
    assert codec.opening is None
    sent_ms: Counter[int] = Counter()
    for line in path.read_text().splitlines():
        check(codec, json.loads(line), sent_ms)
