import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

_SAMPLES = Path(__file__).parents[2] / "models" / "samples"
_REFERENCES: list[dict[str, Any]] = json.loads((_SAMPLES / "refs.json").read_text())


@pytest.fixture(params=_REFERENCES, ids=lambda reference: reference["file"])
def reference(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_every_file_is_described() -> None:
    described = {reference["file"] for reference in _REFERENCES}
    assert described == {path.name for path in _SAMPLES.iterdir() if path.suffix in (".wav", ".flac")}


def test_the_benchmarks_find_their_files() -> None:
    described = {reference["file"]: reference["condition"] for reference in _REFERENCES}
    assert described["conversation.wav"] == "clean"
    assert described["overlap.flac"] == "overlap"
    assert described["session-1-noise10.flac"] == "noise10"
    assert described["session-1-phone.flac"] == "phone"
    assert {f"session-{number}.flac" for number in range(1, 5)} <= described.keys()


def test_files_are_sixteen_kilohertz_mono(reference: dict[str, Any]) -> None:
    info = soundfile.info(_SAMPLES / reference["file"])
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
    assert reference["duration_ms"] == pytest.approx(1000 * info.duration, abs=1)


def test_utterances_follow_one_another_within_the_file(reference: dict[str, Any]) -> None:
    position = 0
    for utterance in reference["utterances"]:
        assert position <= utterance["start_ms"] < utterance["end_ms"] <= reference["duration_ms"]
        assert utterance["voice"]
        position = utterance["end_ms"]


def test_words_spell_the_text_in_order(reference: dict[str, Any]) -> None:
    for utterance in reference["utterances"]:
        words = utterance["words"]
        assert " ".join(word["word"] for word in words) == utterance["text"]
        assert (words[0]["start_ms"], words[-1]["end_ms"]) == (utterance["start_ms"], utterance["end_ms"])
        times = [time for word in words for time in (word["start_ms"], word["end_ms"])]
        assert times == sorted(times)
