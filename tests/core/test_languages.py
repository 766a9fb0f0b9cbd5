import re
from dataclasses import fields

import pytest

from voicegw.core.languages import ENGLISH, NEUTRAL, UNSPACED, Language, language_of

RECORDS = [language_of(code) for code in ("en", "de", "fr", "es")]


def alternatives(text: str) -> list[str]:
    return text.split("|") if text else []


def test_a_code_leads_to_its_record() -> None:
    assert [record.code for record in RECORDS] == ["en", "de", "fr", "es"]


def test_an_unknown_default_language_is_english() -> None:
    assert language_of("") is ENGLISH


@pytest.mark.parametrize("code", ["auto", "ja", "xx"])
def test_a_language_without_a_record_is_neutral(code: str) -> None:
    assert language_of(code) is NEUTRAL


@pytest.mark.parametrize("record", [*RECORDS, NEUTRAL], ids=lambda record: record.code or "neutral")
def test_no_alternative_is_empty_or_listed_twice(record: Language) -> None:
    for each in fields(record):
        value = getattr(record, each.name)
        if isinstance(value, str):
            found = alternatives(value)
            assert len(set(found)) == len(found), each.name
            assert all(found), each.name


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.code)
def test_a_digit_is_an_answer_and_never_an_incomplete_ending(record: Language) -> None:
    incomplete_endings = {
        *alternatives(record.incomplete_endings),
        *alternatives(record.incomplete_statement_endings),
    }
    assert incomplete_endings.isdisjoint(alternatives(record.digits))


def test_the_letters_of_scripts_without_blanks() -> None:
    assert re.fullmatch(f"[{UNSPACED}]+", "漢字かなカナーไทยခေ")
    assert not re.search(f"[{UNSPACED}]", "Grüße, 한국어 हाँ نعم 12、。")
