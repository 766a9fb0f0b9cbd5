"""Symbols of units, and their words in the singular and the plural of a language."""

import re
from decimal import Decimal

import pytest
from babel import Locale

from voicegw.reply.voice.spoken_units import SYMBOL, with_unit


@pytest.mark.parametrize(
    ("language", "written", "symbol", "words"),
    [
        ("en", "1", "ft", "1 foot"),
        ("en", "1,250.25", "km", "1,250.25 kilometers"),
        ("en", "0.12345", "kg", "0.12345 kilograms"),
        ("de", "1", "m²", "1 Quadratmeter"),
        ("fr", "1,5", "h", "1,5 heure"),
        ("pl", "5", "km", "5 kilometrów"),
        ("pl", "2", "km", "2 kilometry"),
        ("de", "16", "Mbps", "16 Megabit pro Sekunde"),
    ],
)
def test_the_number_keeps_its_written_form(language: str, written: str, symbol: str, words: str) -> None:
    locale = Locale(language)
    value = Decimal(written.replace(",", "") if language == "en" else written.replace(",", "."))
    assert with_unit(written, value, symbol, locale).replace("\xa0", " ") == words


@pytest.mark.parametrize("symbol", SYMBOL.replace("\\", "").split("|"))
def test_every_symbol_has_a_unit_in_the_cldr(symbol: str) -> None:
    assert re.fullmatch(SYMBOL, symbol)
    assert with_unit("2", Decimal(2), symbol, Locale("en")) != f"2 {symbol}"
    assert with_unit("2", Decimal(2), symbol, Locale("en")).startswith("2 ")
