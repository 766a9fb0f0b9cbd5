"""Typed and spoken messages have one plain form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.reply.plain import plain


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("What time is it in Lagos?", "what time is it in lagos"),
        ("What\u2019s the time?", "what is the time"),
        ("It's  Luke's,\nisn't it?", "its lukes isnt it"),
        ("Set a timer for ten minutes.", "set a timer for 10 minutes"),
        ("Twenty-one", "21"),
        ("1,000,000", "1000000"),
        ("3.14", "3.14"),
        (".5", "0.5"),
        ("São Paulo", "são paulo"),
        ("\N{SLIGHTLY SMILING FACE}...", ""),
    ],
)
def test_words(text: str, form: str) -> None:
    assert plain(text) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("7 x 8", "7 times 8"),
        ("7*8", "7 times 8"),
        ("7 \u00d7 8", "7 times 8"),
        ("8/2", "8 divided by 2"),
        ("8 \u00f7 2", "8 divided by 2"),
        ("1+1", "1 plus 1"),
        ("3-5", "3 minus 5"),
        ("-3 + 5", "minus 3 plus 5"),
        ("20% of 50", "20 percent of 50"),
    ],
)
def test_signs(text: str, form: str) -> None:
    assert plain(text) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Could you please say hello?", "say hello"),
        ("Say hello, please.", "say hello"),
        ("No, thank you.", "no"),
        ("Thank you!", "thank you"),
    ],
)
def test_courtesies(text: str, form: str) -> None:
    assert plain(text) == form


@given(st.text())
def test_any_text_has_one(text: str) -> None:
    assert plain(text) == " ".join(plain(text).split())
