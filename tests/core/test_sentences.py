import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.sentences import MAX_CHARACTERS, Sentence, SentenceSplitter


def cut(text: str, piece: int = 1) -> list[Sentence]:
    """The sentences of a reply that is written `piece` characters at a time."""
    cutter = SentenceSplitter()
    sentences = []
    for begin in range(0, len(text), piece):
        sentences += cutter.push(text[begin : begin + piece])
    return sentences + cutter.flush()


def assert_cut(*sentences: str) -> None:
    """The sentences, joined, are cut where they were joined."""
    assert [sentence.text for sentence in cut("".join(sentences))] == list(sentences)


def test_a_sentence_is_returned_as_soon_as_the_next_begins() -> None:
    cutter = SentenceSplitter()
    assert cutter.push("It is late.") == []
    assert cutter.push(" ") == []
    assert cutter.push("G") == [Sentence(0, "It is late. ")]
    assert cutter.push("ood night!") == []
    assert cutter.flush() == [Sentence(12, "Good night!")]
    assert cutter.flush() == []


@pytest.mark.parametrize("stop", [".", "!", "?", "…", "...", "?!", '."', ".**", "!)", ".”"])
def test_closing_marks_belong_to_the_stop(stop: str) -> None:
    assert_cut(f"It was so{stop} ", "Then it was not.")


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Mrs. Jones and Prof. Lee.",
        "J. R. R. Tolkien joined the U.S. Army.",
        "Bring fruit, e.g. Cox apples.",
        "It is 3.14 or .5 or 1.000,25 euros.",
        "See No. 5 and Fig. 3 on pp. 12 of Nov. 22.",
        "Version 2.0.1 is at example.com.",
        'He asked "Really?" and left.',
        "I wonder... whether it is so.",
        "It is approx. five.",
        "Yahoo! is a company.",
    ],
)
def test_stops_inside_a_sentence(text: str) -> None:
    assert_cut(text)


def test_words_that_only_look_like_abbreviations() -> None:
    assert_cut("So do I. ", "No. ", "I went at 5 p.m. ", "It was in 1999. ", "Then came 2000.")


def test_the_first_piece_may_end_at_a_comma_but_not_too_early() -> None:
    assert_cut("Well, if you ask me like that, ", "I do not know, and neither do you. ", "Ask again.")


def test_a_comma_is_not_needed_when_the_whole_sentence_is_there() -> None:
    [first, _] = cut("Well, if you ask me like that, I do not know. Bye.", piece=1000)
    assert first.text.endswith("I do not know. ")


def test_lines_of_markdown_are_pieces() -> None:
    assert_cut("# Plan\n", "1. Get up. ", "It is time.\n", "2. Eat\n", "- Bread\n", "* Milk\n\n", "Done.")


def test_a_line_break_inside_a_sentence_does_not_end_it() -> None:
    assert_cut("This sentence is\nwritten on two lines. ", "This is not.")


def test_each_row_of_a_table_is_a_piece() -> None:
    assert_cut("| a | b |\n", "|---|---|\n", "| 1 | 2 |\n", "\nSo it is.".lstrip())


def test_code_is_silent() -> None:
    text = 'Look:\n```python\nprint("A. B")\n\n```\nThat was it.'
    assert [sentence.text for sentence in cut(text) if not sentence.silent] == ["Look:\n", "That was it."]


def test_code_that_never_ends_is_silent_to_its_end() -> None:
    assert [sentence.silent for sentence in cut("~~~\n" + "x = 1. Y\n" * 50)] == [True] * 51


def test_languages_without_blanks() -> None:
    assert_cut("你好。", "今天天气很好！", "是吗？」", "是。")


@pytest.mark.parametrize("text", ["word " * 200, "x" * 1000, "- " * 300, "```\n" + "x" * 1000, "\n" * 500])
def test_text_without_a_sentence_end_is_split_anyway(text: str) -> None:
    assert all(0 < len(sentence.text) <= MAX_CHARACTERS for sentence in cut(text))


def test_a_long_sentence_is_split_at_a_clause() -> None:
    [*pieces, _] = cut("this goes on and on, " * 40)
    assert all(piece.text.endswith(", ") for piece in pieces)


REPLIES = st.text(st.sampled_from('ab XY.!?,\n`*-|15"。'), max_size=400)


@given(REPLIES, st.integers(1, 50))
def test_the_sentences_are_the_text(text: str, piece: int) -> None:
    sentences = cut(text, piece)
    assert "".join(sentence.text for sentence in sentences) == text
    assert all(text[sentence.start : sentence.end] == sentence.text for sentence in sentences)
    assert all(0 < len(sentence.text) <= MAX_CHARACTERS for sentence in sentences)
