import pytest

from voicegw.core.text import encodable, quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
    ],
    ids=["plain", "surrogate pair", "half a pair", "pair in the wrong order"],
)
def test_surrogates_are_joined_or_replaced(text: str, expected: str) -> None:
    assert encodable(text) == expected


def test_a_short_text_is_quoted_whole() -> None:
    assert quoted("a\nb") == r"'a\nb'"
    assert quoted("a" * 40) == repr("a" * 40)


def test_a_long_text_is_quoted_up_to_40_characters() -> None:
    assert quoted("a" * 41) == repr("a" * 40 + "...")
