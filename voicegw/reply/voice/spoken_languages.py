"""The spoken form of text in languages other than English: units and dates in every language of the Unicode
CLDR; in German, French and Spanish also money and numbers with separators, which engines misread.

Plain digits are left to the engine: their words depend on the noun that follows ("un", "una").
"""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale, localedata
from babel.dates import format_date
from babel.numbers import get_decimal_symbol, get_group_symbol
from num2words import num2words

from voicegw.reply.voice.spoken_units import SYMBOL, with_unit

_WITH_NUMBERS = frozenset({"de", "fr", "es"})  # num2words makes mistakes in others
_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP"}
_BLANKS = " \u00a0\u202f"
_MAX_DIGITS = 15  # longer numbers are left as they are


class Rules:
    """The rules of one language."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale
        self._with_numbers = locale.language in _WITH_NUMBERS
        self._decimal, group = get_decimal_symbol(locale), get_group_symbol(locale)
        self._groups = _BLANKS if group in _BLANKS else group
        number = rf"(?:\d{{1,3}}(?:[{self._groups}]\d{{3}})+(?!\d)|\d+)(?:{re.escape(self._decimal)}\d+)?"
        begin, end = r"(?<![\w.,:/-])", r"(?![\w:/'’]|[.,-]\d)"
        signs = "".join(_CURRENCIES)
        self._unit = re.compile(rf"{begin}(?P<number>{number})\s?(?P<unit>{SYMBOL}){end}")
        self._before = re.compile(rf"{begin}(?P<sign>[{signs}])\s?(?P<number>{number}){end}")
        self._after = re.compile(rf"{begin}(?P<number>{number})\s?(?P<sign>[{signs}])")
        self._number = re.compile(rf"{begin}(?P<number>{number}){end}")

    def apply(self, text: str) -> str:
        """`text` with the parts that have rules in words."""
        text = re.sub(r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])", self._date, text)
        if self._with_numbers:
            text = self._after.sub(self._money, self._before.sub(self._money, text))
        text = self._unit.sub(self._with_unit, text)
        if self._with_numbers:
            text = self._number.sub(self._in_words, text)
        return text

    def _value(self, written: str) -> Decimal:
        digits = re.sub(f"[{self._groups}]", "", written)
        return Decimal(digits.replace(self._decimal, "."))

    def _date(self, found: "re.Match[str]") -> str:
        try:
            return format_date(date.fromisoformat(found[0]), "long", self._locale)
        except ValueError:  # no date, such as one in month 13
            return found[0]

    def _with_unit(self, found: "re.Match[str]") -> str:
        return with_unit(found["number"], self._value(found["number"]), found["unit"], self._locale)

    def _money(self, found: "re.Match[str]") -> str:
        amount, currency = self._value(found["number"]), _CURRENCIES[found["sign"]]
        if len(found["number"]) > _MAX_DIGITS or amount * 100 % 1:
            return found[0]
        options = {"to": "currency", "currency": currency, "lang": self._locale.language}
        whole, _, cents = num2words(amount, separator="|", **options).partition("|")
        if amount % 1 == 0:
            return str(whole)
        return str(cents.strip() if amount < 1 else num2words(amount, **options))

    def _in_words(self, found: "re.Match[str]") -> str:
        written = found["number"]
        if written.isdigit() or len(written) > _MAX_DIGITS:
            return written
        return str(num2words(self._value(written), lang=self._locale.language))


@lru_cache(maxsize=64)
def rules_of(language: str) -> Rules | None:
    """The rules of a language by its ISO 639 code; None if it has none. The first call for a language reads
    its data, which takes about 10 ms."""
    return Rules(Locale.parse(language)) if localedata.exists(language) else None
