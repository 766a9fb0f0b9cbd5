import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import vad
from benchmarks.noisy_speech import NEVER_MS, Speech, noise, read_speech
from benchmarks.vad import COLUMNS, DETECTORS, PlainScorer, conditions, evaluate, main
from tests.benchmarks.recordings.directory import entry, write_directory
from tests.speech import single_utterances
from voicegw.core.audio import WINDOW_SAMPLES, Pcm
from voicegw.errors import ModelUnavailable


class Always:
    """Hears speech everywhere."""

    def score(self, window: Pcm) -> float:
        return 1.0


def one_word() -> Speech:
    """Five windows, the third of them a word."""
    word = np.array([False, False, True, False, False])
    silent = np.array([True, False, False, False, True])
    return Speech(np.zeros(5 * WINDOW_SAMPLES), word, silent, ((40.0, 60.0),))


def test_a_scorer_that_always_detects_speech_misses_nothing() -> None:
    found = evaluate(Always(), one_word(), one_word().signal)
    assert (found["miss_percent"], found["false_alarm_percent"]) == (0, 100)
    assert (found["onset_p50_ms"], found["tail_p90_ms"]) == (20, NEVER_MS)
    assert found.keys() == {name for names in COLUMNS.values() for name in names}


def test_a_scorer_that_never_detects_speech_misses_everything() -> None:
    found = evaluate(PlainScorer(2), one_word(), one_word().signal)
    assert (found["miss_percent"], found["false_alarm_percent"]) == (100, 0)
    assert (found["onset_p50_ms"], found["tail_p50_ms"]) == (NEVER_MS, 20)


def test_loud_noise_is_speech_to_webrtcvad_alone_but_not_to_the_engine() -> None:
    loud, nobody = noise("white", -25, 2), np.zeros(100, dtype=np.bool_)
    speech = Speech(loud, ~nobody, ~nobody, ())
    alone, engine = (evaluate(DETECTORS[name](), speech, loud) for name in ("webrtcvad alone", "webrtc"))
    assert alone["false_alarm_percent"] > 50
    assert engine["false_alarm_percent"] < 10


def test_every_condition_is_the_same_speech() -> None:
    speech = read_speech(single_utterances()[:1])
    named = conditions(speech, seed=1)
    assert [name for name, _ in named][:3] == ["clean", "white 20 dB", "white 10 dB"]
    assert {len(signal) for _, signal in named} == {len(speech.signal)}
    assert len({name for name, _ in named}) == 7


def test_a_missing_engine_is_a_stated_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> PlainScorer:
        raise ModelUnavailable("no such engine")

    monkeypatch.setattr(vad, "read_samples", lambda: single_utterances()[:1])
    monkeypatch.setattr(vad, "DETECTORS", {"missing": missing})
    assert main([]) == 1
    assert "no such engine" in capsys.readouterr().err


def test_a_users_own_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    write_directory(tmp_path, entry(), entry("silence.wav", kind="nonspeech", lang="xx", text=""))
    kept = tmp_path / "vad.json"
    assert main(["--recordings", str(tmp_path), "--align-model", "bundled", "--json", str(kept)]) == 0
    figures = json.loads(kept.read_bytes())["figures"]
    assert figures["command_webrtc_miss_percent"] < 50
    assert figures["nonspeech_webrtc_false_alarm_percent"] == 0
    assert figures["nonspeech_webrtc_miss_percent"] is None
