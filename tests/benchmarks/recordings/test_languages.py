from pathlib import Path

import msgspec

from benchmarks.recordings.languages import language_figures, speech_of
from benchmarks.recordings.material import Recorded
from clients.audio import SAMPLE_BYTES, read_pcm
from clients.samples import SAMPLES
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE


def recorded(file: str, language: str) -> Recorded:
    return Recorded(
        file=str(SAMPLES / file),
        condition="clean",
        duration_ms=3000,
        utterances=(),
        language=language,
        name=file,
        text="",
        kind="read",
        is_speech=bool(language),
        is_scored=False,
    )


ENGLISH, GERMAN = recorded("command-1.wav", "en"), recorded("question-1.wav", "de")


def test_a_model_is_right_where_it_names_the_language_of_the_recording(whisper_base: Path) -> None:
    engine = WhisperEngine(whisper_base, WhisperOptions(model="base"))
    figures = language_figures(engine, [ENGLISH, GERMAN])  # both are English
    assert figures["language_right_2_s_percent"] == 50
    assert (figures["language_recordings_1_s"], figures["language_recordings_3_s"]) == (2, 0)


def test_recordings_in_one_language_say_nothing() -> None:
    engine = WhisperEngine.__new__(WhisperEngine)  # is not used
    silent = msgspec.structs.replace(GERMAN, is_speech=False)
    assert language_figures(engine, [ENGLISH, silent]) == {}


def test_speech_begins_at_its_onset() -> None:
    whole, speech = read_pcm(ENGLISH.path, SAMPLE_RATE), speech_of(ENGLISH.path)
    assert whole.endswith(speech)
    assert 0 < len(whole) - len(speech) < SAMPLE_BYTES * SAMPLE_RATE
