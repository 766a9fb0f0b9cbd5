from faster_whisper.tokenizer import _LANGUAGE_CODES

from voicegw.core.languages import CODES


def test_the_language_codes_of_core_are_those_of_whisper() -> None:
    assert set(_LANGUAGE_CODES) == CODES
