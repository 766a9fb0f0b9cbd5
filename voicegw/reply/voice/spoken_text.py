"""The spoken form of written text: numbers, money, times, dates, units and abbreviations in words.

Engines read "$3.50" or "18:05" in different ways, but words in the same way. The rules here are for English;
each is applied to the whole sentence, in their order. For other languages see spoken_languages.py.
"""

import re
from collections.abc import Callable
from decimal import Decimal

from babel import Locale

from voicegw.core.sentences import MAX_CHARACTERS
from voicegw.reply.voice import spoken_numbers as numbers
from voicegw.reply.voice.markdown import without_markdown
from voicegw.reply.voice.spoken_languages import rules_of
from voicegw.reply.voice.spoken_units import SYMBOL, with_unit

Rewrite = Callable[["re.Match[str]"], str]

_ENGLISH = Locale("en")
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_MONTHS = {
    name[:3]: name
    for name in (
        *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
        *("October", "November", "December"),
    )
}
_MONTH = rf"(?P<month>(?:{'|'.join(_MONTHS)})(?:(?<=Sep)t)?\.?|{'|'.join(_MONTHS.values())})"
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>1[1-9]\d\d|20\d\d)"
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
_MAGNITUDES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion"}
_ABBREVIATIONS = {
    **{"e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "vs": "versus"},
    **{"Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miss", "Prof.": "Professor"},
    **{"Jr.": "Junior", "Sr.": "Senior", "Gen.": "General", "Capt.": "Captain", "Lt.": "Lieutenant"},
    **{
        "approx.": "approximately",
        "dept.": "department",
        "w/o": "without",
        "w/": "with ",
        "a.k.a.": "also known as",
    },
    **{
        "Ave.": "Avenue",
        "Blvd.": "Boulevard",
        "Rd.": "Road",
        "Mt.": "Mount",
        "Ft.": "Fort",
        "Inc.": "Incorporated",
    },
    **{"Ltd.": "Limited", "Co.": "Company", "Corp.": "Corporation", "p.m.": "PM", "a.m.": "AM"},
}
_FRACTIONS = {
    **{
        "1/2": "one half",
        "1/3": "one third",
        "2/3": "two thirds",
        "1/4": "one quarter",
        "3/4": "three quarters",
        "24/7": "twenty-four seven",
    },
    **{"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"},
}
_SIGNS = {
    **{
        "+": "plus",
        "×": "times",
        "*": "times",
        "÷": "divided by",
        "=": "equals",
        "≈": "is about",
        "±": "plus or minus",
    },
    **{
        "≤": "is at most",
        "≥": "is at least",
        "<": "is less than",
        ">": "is more than",
        "→": "to",
        "&": "and",
    },
    **{"@": "at", "²": "squared", "³": "cubed", "^": "to the power of", "−": "minus"},
}


_NO_MARKUP = str.maketrans("[]<>", " " * 4)  # the rules for English have replaced signs by words before


def spoken_form(text: str, language: str = "en") -> str:
    """A sentence in spoken form, in one line, without the markup of any engine; empty when there is nothing
    to speak. Text beyond the longest sentence is dropped, because the rules take time.

    language: ISO 639-1 code of the text; in a language without rules, only Markdown and emoji are removed.
    """
    text = without_markdown(text[:MAX_CHARACTERS])
    if language == "en":
        for pattern, rewrite in _RULES:
            text = pattern.sub(rewrite, text)
    elif (rules := rules_of(language)) is not None:
        text = rules.apply(text)
    text = " ".join(text.translate(_NO_MARKUP).split())
    return text if any(char.isalnum() for char in text) else ""


def _dots(address: str) -> str:
    return address.replace(".", " dot ").replace("-", " dash ").replace("_", " underscore ")


def _email(found: "re.Match[str]") -> str:
    return f"{_dots(found['user'])} at {_dots(found['host'])}"


def _url(found: "re.Match[str]") -> str:
    """The host only: a path in speech is not understood."""
    stop = found["rest"][-1:]
    return _dots(found["host"]) + (stop if stop in (".", ",", "!", "?", ";", ":") else "")


def _date(found: "re.Match[str]") -> str:
    parts = found.groupdict()
    month = (
        _MONTHS[parts["month"][:3]]
        if parts["month"][0].isalpha()
        else [*_MONTHS.values()][int(parts["month"]) - 1]
    )
    day = f" {numbers.ordinal(int(parts['day']))}" if parts.get("day") else ""
    year = f"{',' * bool(day)} {numbers.year(int(parts['year']))}" if parts.get("year") else ""
    return f"{month}{day}{year}"


def _date_day_first(found: "re.Match[str]") -> str:
    year = f", {numbers.year(int(found['year']))}" if found["year"] else ""
    return f"{numbers.ordinal(int(found['day']))} of {_MONTHS[found['month'][:3]]}{year}"


def _year_after(found: "re.Match[str]") -> str:
    return f"{found['before']} {numbers.year(int(found['year']))}"


def _time(found: "re.Match[str]") -> str:
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), found["half"]
    words = numbers.cardinal(hour)
    if minute:
        words += f" {'oh ' * (minute < 10)}{numbers.cardinal(minute)}"
    elif not half:
        words += " o'clock" if 1 <= hour <= 12 else " hundred"
    if not half:
        return words
    stop = "." if found[0].endswith(".") and found.end() == len(found.string) else ""
    return f"{words} {half.upper()}M{stop}"


def _money(found: "re.Match[str]") -> str:
    one, many, cent, cents = _CURRENCIES[found["sign"]]
    sign, amount, magnitude = "minus " * bool(found["minus"]), found["amount"], found["magnitude"]
    if magnitude:
        return f"{sign}{numbers.number(amount)} {_MAGNITUDES.get(magnitude.lower(), magnitude)} {many}"
    whole, _, rest = amount.partition(".")
    units = f"{numbers.number(whole)} {one if whole == '1' else many}"
    if len(rest) != 2:
        return f"{sign}{numbers.number(amount)} {one if amount == '1' else many}"
    small = f"{numbers.cardinal(int(rest))} {cent if rest == '01' else cents}"
    if int(rest) == 0:
        return sign + units
    return sign + (small if whole in ("", "0") else f"{units} and {small}")


def _unit(found: "re.Match[str]") -> str:
    value = Decimal(found["number"].replace(",", ""))
    return with_unit(found["number"], value, found["unit"], _ENGLISH)


def _phone(found: "re.Match[str]") -> str:
    """Digit by digit, with a pause between the groups."""
    groups = re.findall(r"\d+", found[0])
    return "plus " * found[0].startswith("+") + ", ".join(map(numbers.digits, groups))


def _version(found: "re.Match[str]") -> str:
    return " point ".join(numbers.cardinal(int(part)) for part in found[0].split("."))


def _slash(found: "re.Match[str]") -> str:
    return " or " if found.string[max(0, found.start() - 3) : found.start()] != "and" else " "


def _any(table: dict[str, str]) -> str:
    return "|".join(map(re.escape, sorted(table, key=len, reverse=True)))


def _rule(pattern: str, rewrite: str | Rewrite) -> tuple["re.Pattern[str]", str | Rewrite]:
    return re.compile(pattern), rewrite


_PHONE = (
    r"(?<!\w)\+\d{1,3}(?:[ .-]?\(?\d{2,4}\)?){2,5}|(?<!\w)\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"
    r"|\b0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}\b|\b\d{3}-\d{4}\b"
)
_BEFORE_YEAR = r"(?P<before>[Ii]n|[Ss]ince|[Yy]ear|[Uu]ntil|[Bb]efore|[Aa]fter|[Bb]y|[Ff]rom)"
_HOUR = r"(?<![\d:])(?P<hour>[01]?\d|2[0-4])"
_AMOUNT = rf"(?P<amount>{_NUMBER})(?:\s?(?P<magnitude>thousand|million|billion|trillion|bn|[kKmMbBtT]))?\b"
_RULES = (
    _rule(r"(?P<user>[\w.+-]+)@(?P<host>[\w-]+(?:\.[\w-]+)+)", _email),
    _rule(r"(?:https?://(?:www\.)?|\bwww\.)(?P<host>[\w-]+(?:\.[\w-]+)*)(?P<rest>[^\s]*)", _url),
    _rule(r"\b(?P<host>(?:[a-z][\w-]*\.)+(?:com|org|net|io|dev|edu|gov))\b(?P<rest>(?:/\S*)?)", _url),
    _rule(rf"\b{_YEAR}-(?P<month>0[1-9]|1[0-2])-{_DAY}\b", _date),
    _rule(rf"\b{_MONTH} {_DAY}(?!\d|:)(?:,? {_YEAR}\b)?", _date),
    _rule(rf"\b{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?(?!\w)", _date_day_first),
    _rule(rf"\b{_MONTH} {_YEAR}\b", _date),
    _rule(r"\b(?:1[1-9]|20)\d0s\b", lambda found: numbers.decade(int(found[0][:-1]))),
    _rule(rf"\b{_BEFORE_YEAR} {_YEAR}(?![\d%°]|[.,]\d| [a-z]+s\b)", _year_after),
    _rule(_PHONE, _phone),
    _rule(r"\b\d{1,9}(?:\.\d{1,9}){2,}\b", _version),
    _rule(r"(?<=\d)\s?–\s?(?=\d)|(?<=\d)-(?=[$€£]?\d)", " to "),
    _rule(rf"{_HOUR}(?::(?P<minute>[0-5]\d))?\s?(?P<half>[aApP])(?:\.\s?[mM]\b\.?|[mM]\b)", _time),
    _rule(rf"{_HOUR}:(?P<minute>[0-5]\d)(?P<half>)\b(?!:)", _time),
    _rule(rf"(?P<minus>[-−]?)(?:US)?(?P<sign>[{''.join(_CURRENCIES)}])\s?{_AMOUNT}", _money),
    _rule(rf"(?<![\d/])(?:{_any(_FRACTIONS)})(?![\d/])", lambda found: f" {_FRACTIONS[found[0]]} "),
    _rule(rf"(?P<number>{_NUMBER})\s?(?P<unit>{SYMBOL})(?!\w)", _unit),
    _rule(r"(?:#|\bNo\. ?|\bno\. )(?=\d)", "number "),
    _rule(r"\b(\d{1,9})(?:st|nd|rd|th)\b", lambda found: numbers.ordinal(int(found[1]))),
    _rule(r"(?<=\d) [-−] (?=\d)", " minus "),
    _rule(r"(?<=\d)\s?x\s?(?=\d)", " times "),
    _rule(r"(?<!\w)[-−](?=\.?\d)", "minus "),
    _rule(_any(_SIGNS), lambda found: f" {_SIGNS[found[0]]} "),
    _rule(rf"(?<!\w)(?:{_any(_ABBREVIATIONS)})(?!\w)", lambda found: _ABBREVIATIONS[found[0]]),
    _rule(r"(?<=[a-z])/(?=[a-z])", _slash),
    _rule(r"(?<![\w.,])\d{10,}(?![\w.,])", lambda found: numbers.digits(found[0])),
    _rule(rf"(?<![^\W\d])(?:{_NUMBER})(?![^\W\d])", lambda found: numbers.number(found[0])),
    _rule(r"\s+([,.;:!?])", r"\1"),
)
