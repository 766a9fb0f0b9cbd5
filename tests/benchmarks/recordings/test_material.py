import argparse
from pathlib import Path

import numpy as np
import pytest

from benchmarks.recordings.alignment import utterances
from benchmarks.recordings.manifest import ManifestError
from benchmarks.recordings.material import (
    Material,
    Recorded,
    about_recordings,
    add_recordings,
    dense,
    material,
    speech,
)
from benchmarks.recordings.stock import read_audio
from clients.samples import SAMPLES, SpokenWord
from tests.benchmarks.recordings.directory import COMMAND, TEXT, entry, write_directory
from voicegw.asr.weights import BUNDLED
from voicegw.asr.whisper_options import WhisperOptions


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_directory(
        tmp_path,
        entry(),
        entry("yes-1.wav", text="Yes.", wer_ok=False),
        entry("digits-1.wav", lang="ja", text="今日"),
        entry("command-2.wav", kind="nonspeech", lang="xx", text=""),
    )


def flags(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_recordings(parser)
    return parser.parse_args(given)


def read(directory: Path, *given: str) -> Material:
    options = flags("--recordings", str(directory), *given)
    with material(options, WhisperOptions(model=BUNDLED)) as found:
        return found


def test_recordings_are_samples_with_the_times_of_their_words(directory: Path) -> None:
    command, inexact, unspaced, noise = read(directory).recorded
    assert (command.name, command.path, command.language) == (COMMAND, directory / COMMAND, "en")
    assert [word.word for said in command.utterances for word in said.words] == TEXT.split()
    assert command.duration_ms == pytest.approx(1000 * len(read_audio(SAMPLES / COMMAND)) / 16_000, abs=1)
    assert [one.is_scored for one in (command, inexact, unspaced, noise)] == [True, False, True, False]
    assert not any(one.utterances for one in (inexact, unspaced, noise))
    assert (noise.is_speech, noise.language) == (False, "")


def test_telephone_quality_has_a_narrow_band(directory: Path) -> None:
    options = flags("--recordings", str(directory), "--phone", "--kinds", "command", "--per-kind", "1")
    with material(options, WhisperOptions(model=BUNDLED)) as found:
        phoned = found.recorded[0]
        spectra = [np.abs(np.fft.rfft(read_audio(path))) ** 2 for path in (phoned.path, directory / COMMAND)]
    high, plain = (float(power[len(power) // 2 :].sum() / power.sum()) for power in spectra)
    assert high < 0.05 * plain
    assert (phoned.name, phoned.condition, bool(phoned.utterances)) == (COMMAND, "phone", True)
    assert not phoned.path.exists()
    assert about_recordings(options) == {
        "manifests": ["manifest.jsonl"],
        "kinds": ["command"],
        "per_kind": 1,
        "phone": True,
    }


def test_the_offline_pass_is_of_the_model(directory: Path) -> None:
    found = read(directory, "--kinds", "command", "--per-kind", "1")
    [command] = [one for one in found.recorded if one.language == "en"]
    assert found.offline_text(command) == TEXT


def recorded(name: str, language: str, duration_ms: int, said_ms: int) -> Recorded:
    """Speech of one word, where any is said."""
    return Recorded(
        file=name,
        condition="clean",
        duration_ms=duration_ms,
        utterances=utterances([SpokenWord("word", 0, said_ms)] if said_ms else []),
        language=language,
        name=name,
        text="word",
        kind="read",
        is_speech=True,
        is_scored=True,
    )


def test_continuous_speech_has_few_pauses_and_one_language() -> None:
    found = dense(
        [
            recorded("short", "en", 1000, 900),
            recorded("long", "en", 9000, 8000),
            recorded("pauses", "en", 9000, 3000),
            recorded("german", "de", 9000, 8000),
            recorded("unknown", "en", 9000, 0),
        ]
    )
    assert [one.name for one in found] == ["long", "short"]
    with pytest.raises(ManifestError, match="enough speech"):
        dense([recorded("pauses", "en", 9000, 3000)])


def test_without_recordings_the_sample_sessions_are_used() -> None:
    with speech(flags(), WhisperOptions()) as samples:
        assert {one.file.partition("-")[0] for one in samples} == {"session"}
    assert about_recordings(flags()) == {}
