import pytest

from voicegw.asr.words import (
    Piece,
    is_doubtful,
    mean_log_probability,
    split_at,
    without_unheard,
    words_of,
)
from voicegw.core.jobs import Word, text_of


def pieces(*texts: str) -> list[Piece]:
    """Each 100 samples long, one after the other."""
    return [Piece(text, 100 * n, 100 * n + 100, 0.5) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([" Hello", ",", " you", "."], ["Hello,", "you."]),
        ([" 1", ",", "0001"], ["1,0001"]),
        ([" CK", "-", "CW"], ["CK-CW"]),
        ([" don", "'", "t"], ["don't"]),
        ([" say", ' "', "yes", '"'], ["say", '"yes"']),
        ([" one", " -", " two"], ["one", "- two"]),
        ([" $", "5"], ["$5"]),
        (["Hello", " there"], ["Hello", "there"]),
        ([" ", ""], []),
    ],
)
def test_a_blank_begins_a_word(written: list[str], words: list[str]) -> None:
    assert [word.text for word in words_of(pieces(*written), unspaced=False)] == words


@pytest.mark.parametrize(
    "written", [[" 2", "-", "1", "-", "0", "."], [" So", ",", " it", "'s", " 10", ":", "30"]]
)
def test_text_is_written_letter_for_letter(written: list[str]) -> None:
    assert text_of(words_of(pieces(*written), unspaced=False)) == "".join(written).strip()


def test_punctuation_has_no_sound() -> None:
    [word] = words_of([Piece(" yes", 10, 20, 0.9), Piece(".", 20, 90, 0.1)], unspaced=False)
    assert (word.start, word.end, word.probability) == (10, 20, 0.9)


def test_a_language_without_blanks_is_joined() -> None:
    words = words_of(pieces("今", "天", "，", "好", " OpenAI"), unspaced=True)
    assert [word.text for word in words] == ["今", "天，", "好", "OpenAI"]
    assert text_of(words) == "今天，好 OpenAI"


@pytest.mark.parametrize(
    ("lengths", "kept"), [([], 0), ([0], 1), ([0, 0], 1), ([5, 0, 5], 3), ([5, 5, 0, 0], 2), ([5, 5], 2)]
)
def test_words_without_sound_at_the_end_were_not_said(lengths: list[int], kept: int) -> None:
    words = [Word(str(n), 10 * n, 10 * n + length, 0.9) for n, length in enumerate(lengths)]
    assert without_unheard(words) == words[:kept]


def test_the_middle_of_a_word_says_on_which_side_of_a_boundary_it_is() -> None:
    words = tuple(words_of(pieces(" one", " two", " three"), unspaced=False))
    assert split_at(words, 151) == (words[:2], words[2:])
    assert split_at(words, 150) == (words[:1], words[1:])
    assert split_at(words, 300) == (words, ())


def test_the_mean_log_probability_of_words() -> None:
    words = words_of(pieces(" one", " two"), unspaced=False)
    assert mean_log_probability(words) == pytest.approx(-0.693, abs=0.001)
    impossible = Word("no", 0, 1, 0.0)
    assert mean_log_probability([]) < mean_log_probability([impossible]) < mean_log_probability(words)
    assert not is_doubtful(words)
    assert is_doubtful([*words, Word("no", 0, 1, 0.49)])
