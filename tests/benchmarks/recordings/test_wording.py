import pytest

from benchmarks.recordings.wording import words_of


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Twenty-one colours, it's ten.", "21 colors it is 10", "en"),
        ("one zero one", "1-0-1", "en"),
        ("Mr. Smith, uh, pays $5", "mister smith pays five dollars", "en"),
        ("Erase C-Z-D-W-5-0.", "erase CZDW 50", "en"),
        ("n a, three p m", "NA 3 PM", "en"),
        ("¡Hola, Mundo!", "hola mundo", "es"),
        ("今日は、晴れ。", "今日は晴れ", "ja"),
    ],
)
def test_equivalent_texts_are_equal(one: str, other: str, language: str) -> None:
    assert words_of(one, language) == words_of(other, language)


def test_what_counts_as_a_word() -> None:
    assert words_of("one hundred and twenty", "en") == ["1", "2", "0"]
    assert words_of("c z d w", "en") == ["czdw"]
    assert words_of("is it a cat", "en") == ["is", "it", "a", "cat"]
    assert words_of("砸自己", "zh") == ["砸", "自", "己"]
    assert words_of("Wie geht's?", "de") == ["wie", "geht", "s"]
