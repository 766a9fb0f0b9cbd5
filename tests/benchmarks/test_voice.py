import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.voice import SENTENCES, figures_of, main
from tests.gateway.fakes import ScriptedVoice
from voicegw.errors import VoiceFailed


@pytest.mark.usefixtures("virtual_clock")
async def test_a_voice_that_is_never_late_leaves_no_gap() -> None:
    scripted = ScriptedVoice(seconds=1.0)
    figures = await figures_of(scripted, calls=2, replies=2)
    assert len(scripted.sentences) == 4 * len(SENTENCES)
    assert figures["gaps_percent"] == figures["longest_gap_ms"] == 0
    assert figures["first_audio_p95_ms"] < 100
    assert figures["made_s_per_s"] == pytest.approx(2, abs=0.2)  # as long as it takes to hear it


class LateVoice(ScriptedVoice):
    async def speak(self, *arguments, **options):  # type: ignore[no-untyped-def]
        await asyncio.sleep(1.5)
        async for piece in super().speak(*arguments, **options):
            yield piece


@pytest.mark.usefixtures("virtual_clock")
async def test_a_voice_that_is_late_leaves_gaps() -> None:
    figures = await figures_of(LateVoice(seconds=1.0), calls=1, replies=1)
    assert figures["first_audio_p50_ms"] == pytest.approx(1_500, abs=50)
    assert figures["gaps_percent"] == 100
    assert figures["longest_gap_ms"] == pytest.approx(500, abs=50)


@pytest.mark.usefixtures("virtual_clock")
async def test_sentences_that_fail_are_counted() -> None:
    scripted = ScriptedVoice(failure=VoiceFailed("it took too long"), seconds=0)
    figures = await figures_of(scripted, calls=1, replies=1)
    assert figures["failed_percent"] == 100


def test_the_installed_voice_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--calls", "1,2", "--replies", "1", "--json", str(file)]
    assert main([*options, "--serve", "--voice-engine", "espeak"]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["1_first_audio_p50_ms"] > 0
    assert figures["2_made_s_per_s"] > 0


def test_without_a_voice_it_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--serve", "--voice-engine", "none"]) == 1
    assert "no voice" in capsys.readouterr().err
