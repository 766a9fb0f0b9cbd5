import pytest

from voicegw.core.key_term_limits import MAX_CHARACTERS, MAX_TERM_CHARACTERS, MAX_TERMS, check_key_terms
from voicegw.core.utterance import RecognitionOptions

LONGEST = "x" * MAX_TERM_CHARACTERS


@pytest.mark.parametrize(
    "terms",
    [
        (),
        ("Quilter", "Abigail Claflin", "São Paulo", "東京", "می‌خواهم"),
        ("A",) * MAX_TERMS,
        (LONGEST,) * (MAX_CHARACTERS // MAX_TERM_CHARACTERS),
    ],
)
def test_valid_key_terms(terms: tuple[str, ...]) -> None:
    check_key_terms(terms)


@pytest.mark.parametrize(
    ("terms", "wrong"),
    [
        (("A",) * (MAX_TERMS + 1), "at most 50 terms, not 51"),
        (("A", ""), "term 2 must have 1 to 50 characters"),
        ((" ",), "term 1 must have 1 to 50 characters"),
        ((f"{LONGEST}x",), "term 1 must have 1 to 50 characters"),
        ((LONGEST,) * 8 + ("A",), "at most 400 characters in all, not 401"),
        *(((f"A{bad}B",), "term 1 contains a control character") for bad in "\n\0\x7f\x85\u2028\ud800"),
    ],
)
def test_invalid_key_terms(terms: tuple[str, ...], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^key_terms: {wrong}"):
        check_key_terms(terms)


def test_the_options_of_a_session_are_checked() -> None:
    with pytest.raises(ValueError, match="key_terms: term 1"):
        RecognitionOptions(key_terms=("\t",))
