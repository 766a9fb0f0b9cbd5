"""The rules of languages other than English."""

import pytest

from voicegw.reply.voice.spoken_languages import rules_of


def spoken(language: str, written: str) -> str:
    rules = rules_of(language)
    assert rules is not None
    return rules.apply(written)


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        ("de", "Es kostet 3,50 €.", "Es kostet drei Euro und fünfzig Cent."),
        ("de", "$20,00, 0,99 €", "zwanzig Dollar, neunundneunzig Cent"),
        ("fr", "1 250 €", "mille deux cent cinquante euros"),
        ("es", "1 £", "una libra"),
        ("de", "3,125 €", "drei Komma eins zwei fünf €"),
    ],
)
def test_money(language: str, written: str, words: str) -> None:
    assert spoken(language, written) == words


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        ("de", "21,5 °C, 1 km", "einundzwanzig Komma fünf Grad Celsius, 1 Kilometer"),
        ("fr", "5 %", "5 pour cent"),
        ("es", "100 Mbps", "100 megabits por segundo"),
        ("ru", "5 km, 21 km", "5 километров, 21 километр"),
    ],
)
def test_units_agree_with_their_number(language: str, written: str, words: str) -> None:
    assert spoken(language, written).replace("\xa0", " ") == words


@pytest.mark.parametrize(
    ("language", "written", "words"),
    [
        ("de", "1.250,5 und 12.000", "eintausendzweihundertfünfzig Komma fünf und zwölftausend"),
        ("fr", "12 000 personnes", "douze mille personnes"),
        ("es", "3,14", "tres punto uno cuatro"),
        ("de", "2026-11-22, 2026-13-01", "22. November 2026, 2026-13-01"),
    ],
)
def test_numbers_with_separators_and_dates(language: str, written: str, words: str) -> None:
    assert spoken(language, written) == words


@pytest.mark.parametrize(
    "written", ["21 Leute", "am 3. Mai", "18:05", "030-1234567", "3.11.2", "10.0.0.1", "1.2.2026", "9" * 30]
)
def test_text_that_depends_on_context_is_not_changed(written: str) -> None:
    assert spoken("de", written) == written


@pytest.mark.parametrize("language", ["xx", "", "auto", "no such"])
def test_an_unknown_language_has_no_rules(language: str) -> None:
    assert rules_of(language) is None
