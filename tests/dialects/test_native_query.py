from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.core.profile import SessionProfile
from voicegw.dialects.native.query import parse
from voicegw.dialects.port import Opening, Resume
from voicegw.errors import InvalidParameter, UnsupportedFormat, UnsupportedRate, UnsupportedReply


def test_nothing_asked_for_is_pcm_at_16_khz_answered_in_text() -> None:
    assert parse("").profile == SessionProfile(16_000, AudioFormat.PCM, ReplyMode.TEXT, "")


def test_everything_may_be_asked_for() -> None:
    asked = parse("rate=48000&format=pcm_s16le&reply=none&lang=de")
    assert asked.profile == SessionProfile(48_000, AudioFormat.PCM, ReplyMode.NONE, "de")


@pytest.mark.parametrize("rate", INPUT_RATES)
def test_every_rate_goes_with_every_format(rate: int) -> None:
    for audio_format in AudioFormat:
        assert parse(f"rate={rate}&format={audio_format}").profile.rate == rate


@pytest.mark.parametrize("audio_format", ["mulaw", "alaw"])
def test_telephone_audio_is_8_khz_unless_it_says_otherwise(audio_format: str) -> None:
    assert parse(f"format={audio_format}").profile.rate == 8_000
    assert parse(f"format={audio_format}&rate=16000").profile.rate == 16_000


@pytest.mark.parametrize("rate", ["44100", "0", "-8000", "8000.0", "", "８０００", "nan", "1" * 5000])
def test_another_rate_is_refused(rate: str) -> None:
    with pytest.raises(UnsupportedRate, match="supported: 8000, 16000, 24000, 48000"):
        parse(f"rate={rate}")


@pytest.mark.parametrize("audio_format", ["opus", "", "PCM_S16LE"])
def test_another_format_is_refused(audio_format: str) -> None:
    with pytest.raises(UnsupportedFormat, match="supported: pcm_s16le, mulaw, alaw"):
        parse(f"format={audio_format}")


@pytest.mark.parametrize("reply", ["video", "", "yes"])
def test_another_kind_of_reply_is_refused(reply: str) -> None:
    with pytest.raises(UnsupportedReply, match="supported: text, audio, none"):
        parse(f"reply={reply}")


def test_a_language_may_be_found_out() -> None:
    assert parse("lang=auto").profile.language == AUTO_LANGUAGE


@pytest.mark.parametrize("language", ["e", "english", "xx", "EN", "e1", "../x", "AUTO"])
def test_a_language_is_a_code(language: str) -> None:
    with pytest.raises(InvalidParameter, match="neither auto nor the ISO 639 code"):
        parse(f"lang={language}")


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(InvalidParameter, match="unknown parameter 'sample_rate'"):
        parse("sample_rate=8000&zeal=1")


def test_a_resume_may_be_asked_for() -> None:
    assert parse("session=abc&epoch=1&last_seq=7") == Opening(SessionProfile(), resume=Resume("abc", 1, 7))


@pytest.mark.parametrize("query", ["session=", "session=a/b", "session=a&epoch=x", "session=a&last_seq=-1"])
def test_a_resume_that_cannot_be_read(query: str) -> None:
    with pytest.raises(InvalidParameter):
        parse(f"{query}")


@given(st.text() | st.text().map("rate=8000&".__add__))
def test_any_target_is_understood_or_refused_with_a_reason(target: str) -> None:
    with suppress(InvalidParameter, UnsupportedFormat, UnsupportedRate, UnsupportedReply):
        assert parse(target).profile.rate in INPUT_RATES
