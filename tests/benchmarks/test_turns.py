import json
from pathlib import Path

import pytest

from benchmarks.figures import Played
from benchmarks.recording import Recording
from benchmarks.turns import COLUMNS, figures_of, main, settings
from clients.samples import Sample, SpokenWord, Utterance
from tests.benchmarks.recordings.directory import entry, write_directory
from tests.benchmarks.test_segments import FINAL, STOPPED, recording
from voicegw.core.endpoint import EndpointOptions
from voicegw.dialects import native

SET, LIGHTS = SpokenWord("Set", 400, 700), SpokenWord("lights.", 800, 1200)


def played(whole: Recording, *said: tuple[SpokenWord, ...]) -> Played:
    utterances = tuple(Utterance("", words[0].start_ms, words[-1].end_ms, words) for words in said)
    return Played(Sample("session-x.flac", "clean", 6000, utterances), whole)


def finals(*spans: tuple[int, int]) -> Recording:
    """Turns with finals of these spans of audio, in ms."""
    messages = [
        native.FinalMessage(seq=number, turn=number, text="x", words=[], start_ms=begin, end_ms=end)
        for number, (begin, end) in enumerate(spans, start=1)
    ]
    return recording(*((message.end_ms, message) for message in messages))


def test_the_figures_of_a_setting() -> None:
    found = figures_of([played(recording((1710, STOPPED), (1711, FINAL)), (SET, LIGHTS))])
    assert found["endpoint_p50_ms"] == pytest.approx(510)
    assert (found["cut"], found["joined"]) == (0, 0)
    assert {name for names in COLUMNS.values() for name in names} == {*found}


def test_an_utterance_in_two_turns_is_cut() -> None:
    assert figures_of([played(finals((300, 750), (750, 1300)), (SET, LIGHTS))])["cut"] == 1


def test_two_utterances_in_one_turn_are_joined() -> None:
    assert figures_of([played(finals((300, 1300)), (SET,), (LIGHTS,))])["joined"] == 1


def test_settings_are_fixed_silences_and_silences_that_depend_on_the_words() -> None:
    compared = settings(EndpointOptions())
    assert [options.adaptive for options in compared.values()] == [False] * 4 + [True] * 3
    assert "400 / 500 / 1000 ms by the words" in compared


def test_a_missing_model_is_a_stated_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "/nowhere/at-all"]) == 1
    assert "/nowhere/at-all" in capsys.readouterr().err


def test_on_recordings_the_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = tmp_path / "figures.json"
    directory = write_directory(tmp_path, entry())
    assert main(["--recordings", str(directory), "--json", str(kept)]) == 0
    figures = json.loads(kept.read_text())["figures"]
    assert figures["500_ms_ends"] == 1
    assert figures["500_ms_delay_p50_ms"] > 450
    assert figures["1200_ms_delay_p50_ms"] == pytest.approx(figures["500_ms_delay_p50_ms"] + 700, abs=40)
