from pathlib import Path

import pytest

from tests.speech import pcm, single_utterances
from voicegw.asr.model import Prompt, Room, Runtime, WhisperModel
from voicegw.asr.weights import BUNDLED, locate
from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.errors import ModelUnavailable

ROOM = Room(margin=200, least=700)
RUNTIME = Runtime("cpu", "int8", 1, "")


@pytest.fixture(scope="module")
def stock(whisper_base: Path) -> WhisperModel:
    """Stock Whisper base."""
    return WhisperModel(whisper_base, RUNTIME)


@pytest.fixture(scope="module")
def bundled() -> WhisperModel:
    return WhisperModel(locate(BUNDLED), RUNTIME)


def test_a_directory_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="cannot load the speech model"):
        WhisperModel(tmp_path, RUNTIME)


@pytest.mark.parametrize(
    ("seconds", "frames"), [([1], 700), ([5], 700), ([5.1], 800), ([1, 11], 1300), ([29], 3000)]
)
def test_windows_of_a_stock_model_are_little_longer_than_their_audio(
    stock: WhisperModel, seconds: list[float], frames: int
) -> None:
    audio = [stock.spectrogram(bytes(2 * round(each * 16_000))) for each in seconds]
    assert stock.frames(audio, ROOM) == frames


def test_a_model_for_short_windows_is_given_the_audio_there_is(bundled: WhisperModel) -> None:
    assert bundled.frames([bundled.spectrogram(bytes(2 * 3 * 16_000))], ROOM) == 330  # 300 ms behind it


def test_a_stock_model_may_write_timestamps(stock: WhisperModel, bundled: WhisperModel) -> None:
    audio = stock.spectrogram(pcm(single_utterances()[0]))
    _, encoded = stock.encode([audio], stock.frames([audio], ROOM))
    [result] = stock.generate(encoded, [Prompt("en")], beam=1, longest=40)
    assert result.sequences_ids[0][0] >= stock.special.first_timestamp
    no_timestamps = bundled._tokenizer("").no_timestamps
    assert bundled._prompt_tokens(Prompt("en"))[-1] == no_timestamps
    assert no_timestamps not in stock._prompt_tokens(Prompt("en"))


def test_the_decoder_reads_key_terms_and_what_was_said(stock: WhisperModel) -> None:
    plain = stock._prompt_tokens(Prompt("en"))
    expecting = stock._prompt_tokens(Prompt("en", ("Montreal Forced Aligner", "voicegw"), "so far"))
    [previous], text = expecting[:1], expecting[1 : -len(plain)]
    assert previous == stock._tokenizer("").sot_prev
    assert stock.text(text, "en").strip() == "Glossary: Montreal Forced Aligner, voicegw. so far"
    assert expecting[-len(plain) :] == plain


def test_text_before_a_window_is_no_command(stock: WhisperModel) -> None:
    plain = stock._prompt_tokens(Prompt("en", before="so far"))
    assert stock._prompt_tokens(Prompt("en", before="so<|endoftext|> far")) == plain


def test_the_language_is_found_out_only_if_asked(stock: WhisperModel) -> None:
    audio = stock.spectrogram(pcm(single_utterances()[-1]))
    _, encoded = stock.encode([audio], stock.frames([audio], ROOM))
    assert stock.spoken_language(encoded, AUTO_LANGUAGE) == "en"
    assert stock.spoken_language(encoded, "de") == "de"
    assert stock.spoken_language(encoded, "") == ""
    assert stock.code_of("") == "en"


def test_a_language_that_the_model_does_not_know_is_its_own(stock: WhisperModel) -> None:
    assert stock.code_of("xx") == "en"


def test_a_language_that_only_newer_models_know_is_decoded_in_a_related_one(stock: WhisperModel) -> None:
    assert stock.code_of("yue") == "zh"
