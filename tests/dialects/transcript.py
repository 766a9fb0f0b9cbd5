"""Calls frame by frame, as files of JSON lines: what comes in and what goes out.

`in` is a message of JSON, `text` another text and `binary` audio in base64 that the client sends; `gives` is
what the codec makes of it. `plays` is reply audio, `clears` the order to stop it, `fault` the code of an
error and `ends` the end of the call; `out` are the frames for the client: JSON, a `line` of text, `binary`
audio in base64, or only the kind of a message where the rest does not matter.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voicegw.core.commands import Cancel, End, HoldAudio, Played, TypeText
from voicegw.core.events import Fault
from voicegw.dialects.port import Audio, Codec, Frame, Opening, Received, ReplyAudio

FOLDER = Path(__file__).parent / "transcripts"


def transcripts(folder: str = ".") -> list[Path]:
    """The transcripts of a dialect."""
    return sorted((FOLDER / folder).glob("*.jsonl"))


def check_transcript(codec: Codec, path: Path) -> None:
    """Plays a transcript with a codec and compares each line. A line with `source` names the documentation
    that the transcript was written from."""
    sent_ms: Counter[int] = Counter()
    for line in map(json.loads, path.read_text().splitlines()):
        if "source" not in line:
            _check(codec, line, sent_ms)


def _check(codec: Codec, line: dict[str, Any], sent_ms: Counter[int]) -> None:
    """sent_ms: reply audio of each turn so far."""
    if "gives" in line:
        assert [_described(each) for each in codec.receive(_received(line))] == line["gives"], line
        return
    frames = list(_sent(codec, line, sent_ms))
    assert len(frames) == len(line["out"]), line
    pairs = zip(frames, line["out"], strict=True)
    assert [_shown(frame, expected) for frame, expected in pairs] == line["out"], line


def _received(line: dict[str, Any]) -> str | bytes:
    if "binary" in line:
        return base64.b64decode(line["binary"])
    return str(line["text"]) if "text" in line else json.dumps(line["in"])


def _described(received: Received) -> object:
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
        case HoldAudio(held):
            return {"hold": held}
        case Cancel():
            return "cancel"
        case End():
            return "end"
        case _:
            raise AssertionError(received)


def _sent(codec: Codec, line: dict[str, Any], sent_ms: Counter[int]) -> Iterable[Frame]:
    if "clears" in line:
        return codec.stop_audio()
    if "ends" in line:
        return codec.end(None)
    if "fault" in line:
        return codec.send_event(Fault(line["fault"], "a message", retryable=False), 1)
    plays = line["plays"]
    audio = base64.b64decode(plays["audio"]) if "audio" in plays else b"\xff" * plays["silence"]
    sent_ms[plays["turn"]] += plays["ms"]
    return codec.send_audio(ReplyAudio(plays["turn"], audio, plays["ms"], sent_ms[plays["turn"]]))


def _shown(frame: Frame, expected: object) -> object:
    """A frame in the form of what is expected."""
    if not frame.text:
        return {"binary": base64.b64encode(frame.data).decode()}
    if isinstance(expected, dict) and "line" in expected:
        return {"line": frame.data.decode()}
    message = json.loads(frame.data)
    return message["event"] if isinstance(expected, str) else message
