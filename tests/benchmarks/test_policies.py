import json
from pathlib import Path

import pytest

from benchmarks.figures import Played
from benchmarks.policies import COLUMNS, figures_of, main, settings, stable_ms
from benchmarks.recording import Received, Recording
from clients.samples import Sample, SpokenWord, Utterance
from tests.benchmarks.recordings.directory import entry, write_directory
from voicegw.core.utterance import RecognitionOptions
from voicegw.dialects import native

SAID = Utterance("Set lights.", 400, 1200, (SpokenWord("Set", 400, 700), SpokenWord("lights.", 800, 1200)))
SAMPLE = Sample("session-x.flac", "clean", 2000, (SAID,))
FINAL = native.FinalMessage(seq=4, turn=1, text="Set lights.", words=[], start_ms=200, end_ms=1700)


def partial(stable: str, tentative: str) -> native.PartialMessage:
    return native.PartialMessage(seq=2, turn=1, stable=stable, tentative=tentative, audio_ms=0)


def played() -> Played:
    """Two partials and the final, with the seconds they came at."""
    messages = ((0.8, partial("", "set")), (1.3, partial("Set", "light")), (1.7, FINAL))
    received = tuple(Received(at_s, message) for at_s, message in messages)
    return Played(SAMPLE, Recording(SAMPLE.file, 0.0, 32_000, 16_000, 0.0, received))


def test_a_word_is_stable_when_it_is_in_the_stable_text() -> None:
    [segment], missed = played().compared
    assert not missed
    assert stable_ms(segment) == pytest.approx([600, 500])


def test_the_figures_of_a_setting() -> None:
    found = figures_of([played()])
    assert found["wer_percent"] == 0
    assert found["upwr"] == 1 / 2
    assert (found["wel_p50_ms"], found["stable_p50_ms"]) == pytest.approx((300, 550))
    counts = {"turns": 1, "missed_words": 0, "stable_retractions": 0}
    assert {name: found[name] for name in counts} == counts
    shown = {name for names in COLUMNS.values() for name in names} | {*counts, "lost_samples"}
    assert shown == {*found, "wer_offline_percent"}


def test_settings_have_different_names() -> None:
    names = [setting.name for setting in settings(RecognitionOptions(), 5)]
    assert len(set(names)) == len(names) == 6
    assert "agreement, 200 ms hidden, beam 5" in names
    assert "agreement without doubt, 100 ms hidden, beam 5" in names


def test_other_options_are_as_configured() -> None:
    compared = settings(RecognitionOptions(partial_interval_ms=400), 3)
    assert {setting.recognition.partial_interval_ms for setting in compared} == {400}
    assert [setting.beam_size for setting in compared] == [3] * 5 + [1]


def test_a_missing_model_is_a_stated_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "/nowhere/at-all"]) == 1
    assert "/nowhere/at-all" in capsys.readouterr().err


def test_settings_are_chosen_by_name_and_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--setting", "nonsense"]) == 2
    assert "no such setting" in capsys.readouterr().err


def test_a_users_own_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_directory(tmp_path, entry(), entry("yes-1.wav", kind="nonspeech", lang="xx", text=""))
    json_file, texts = tmp_path / "figures.json", tmp_path / "texts.jsonl"
    played = ["--recordings", str(tmp_path), "--model", "bundled", "--setting", "configured"]
    assert main([*played, "--decode-ms", "100", "--json", str(json_file), "--texts", str(texts)]) == 0
    result = json.loads(json_file.read_bytes())
    assert result["settings"]["decode_ms"] == 100
    assert str(tmp_path) not in json_file.read_text()
    figures = result["figures"]
    assert figures["configured_wer_percent"] == figures["configured_wer_offline_percent"] == 0
    assert figures["configured_made_up_words_per_minute"] > 0
    assert {json.loads(line)["file"] for line in texts.read_text().splitlines()} == {
        "command-1.wav",
        "yes-1.wav",
    }


def test_a_directory_without_a_manifest_is_a_stated_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model", "bundled", "--recordings", str(tmp_path)]) == 1
    assert "manifest.jsonl cannot be read" in capsys.readouterr().err
