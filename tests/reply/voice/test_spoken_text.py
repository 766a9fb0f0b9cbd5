import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.reply.voice.spoken_text import spoken_form


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It costs $3.50.", "It costs three dollars and fifty cents."),
        ("£1,250 or -$1", "one thousand two hundred and fifty pounds or minus one dollar"),
        (
            "€2.5 million, $3k, $0.99",
            "two point five million euros, three thousand dollars, ninety-nine cents",
        ),
        ("$5-$10", "five dollars to ten dollars"),
        ("¥500, $20.00, £0.01", "five hundred yen, twenty dollars, one penny"),
    ],
)
def test_money(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("at 18:05", "at eighteen oh five"),
        ("at 10:00.", "at ten o'clock."),
        ("at 18:00", "at eighteen hundred"),
        ("at 5 p.m. today", "at five PM today"),
        ("at 9:30 PM.", "at nine thirty PM."),
        ("at 8am", "at eight AM"),
        ("10:00-12:00", "ten o'clock to twelve o'clock"),
    ],
)
def test_times(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2026-11-22", "November twenty-second, twenty twenty-six"),
        ("Nov. 3, 2026", "November third, twenty twenty-six"),
        ("on May 5th", "on May fifth"),
        ("3 May 1999", "third of May, nineteen ninety-nine"),
        ("March 2020", "March twenty twenty"),
        ("In 1984, since 2006", "In nineteen eighty-four, since two thousand and six"),
        ("the 1990s", "the nineteen nineties"),
        ("in 2000 days", "in two thousand days"),
    ],
)
def test_dates(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("21°C, 5% of 10 km", "twenty-one degrees Celsius, five percent of ten kilometers"),
        ("1 kg, 1 ft, 1 mph, 1 m²", "one kilogram, one foot, one mile per hour, one square meter"),
        ("100 MB in 250ms", "one hundred megabytes in two hundred and fifty milliseconds"),
        ("5 men", "five men"),
        (
            "100 Mbps, 1,500.5 kWh",
            "one hundred megabits per second, one thousand five hundred point five kilowatt-hours",
        ),
    ],
)
def test_units(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        (
            "1,234 and 3.14 and -5",
            "one thousand two hundred and thirty-four and three point one four and minus five",
        ),
        ("10-12 people, 8 - 3", "ten to twelve people, eight minus three"),
        ("7 × 8 = 56", "seven times eight equals fifty-six"),
        ("the 22nd of 1/2, #5", "the twenty-second of one half, number five"),
        ("version 3.11.2", "version three point eleven point two"),
        ("agent 007", "agent zero zero seven"),
        ("555-1234", "five five five, one two three four"),
        ("+1 (555) 123-4567", "plus one, five five five, one two three, four five six seven"),
        ("12345678901", "one two three four five six seven eight nine zero one"),
        ("H2O and B2B", "H2O and B2B"),
    ],
)
def test_numbers(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("e.g. Dr. Who vs. Mr. Bean, etc.", "for example Doctor Who versus Mister Bean, et cetera"),
        ("he/she and/or TCP/IP", "he or she and or TCP/IP"),
        ("salt & pepper", "salt and pepper"),
        ("https://www.example.com/a/b?c=d.", "example dot com."),
        ("me@my-mail.org", "me at my dash mail dot org"),
    ],
)
def test_words(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@pytest.mark.parametrize("text", ["", "***", "😀👍🏽", "|---|", "...", "```", " \n "])
def test_text_without_words_is_empty(text: str) -> None:
    assert spoken_form(text) == ""


@pytest.mark.parametrize("language", ["", "und", "xx", "no such"])
def test_in_a_language_without_rules_only_markup_is_removed(language: str) -> None:
    assert spoken_form("**Es** kostet 3,50 €, 5 km 😀", language) == "Es kostet 3,50 €, 5 km"


@given(st.text(st.sampled_from("aZ 019.,:;-/$€%°#@&*_|[]()\n`x+=√½"), max_size=200))
def test_any_text_becomes_one_line(text: str) -> None:
    for language in ("en", "de", "fr", "ja"):
        assert "\n" not in spoken_form(text, language)


@pytest.mark.parametrize("language", ["en", "de", ""])
@pytest.mark.parametrize(
    "written",
    [
        *("&#91;&#91;_^_DE]]", "[&#91;rate 900]]", "&lsqb;&lbrack;x]]", "[\u200b[x]]", r"\[\[x\]\]"),
        *(
            "&lt;speak&gt;hi&lt;/speak&gt;",
            "<spe\u200bak>",
            "&LT;audio src=x/&GT; hi",
            "<?xml ?>",
            "<!-- x -->",
        ),
    ],
)
def test_no_markup_of_an_engine_remains(written: str, language: str) -> None:
    assert not set(spoken_form(f"Well, {written} so", language)) & set("[]<>")


def test_a_comparison_is_spoken() -> None:
    assert spoken_form("3 &lt; 5") == "three is less than five"
