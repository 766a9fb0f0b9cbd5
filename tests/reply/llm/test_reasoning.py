"""Reasoning is removed from a reply, however its text is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.reply.llm.reasoning import ReplyStart, VisibleText, expected_start

TAGGED = "<think>Is it Lyon? No < Paris.</think>\n\nIt is <b>Paris</b>, 1 < 2. [THINK]Sure?[/THINK]Yes."
UNTAGGED = "Is it Lyon? No.\n</think>\n\nIt is Paris."


def visible(pieces: list[str], start: ReplyStart, *, cut: bool = False) -> tuple[str, ReplyStart]:
    text = VisibleText(start)
    shown = [part for piece in pieces for part in text.receive(piece)]
    return "".join(shown + text.end(cut=cut)), text.start


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=30)))
    return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(pieces(TAGGED), st.sampled_from(ReplyStart))
def test_tags_are_found_however_the_text_is_cut(cut: list[str], start: ReplyStart) -> None:
    assert visible(cut, start) == ("It is <b>Paris</b>, 1 < 2. Yes.", ReplyStart.ANSWER)


@given(pieces(UNTAGGED), st.sampled_from([ReplyStart.UNKNOWN, ReplyStart.REASONING]))
def test_text_before_an_end_tag_alone_is_reasoning(cut: list[str], start: ReplyStart) -> None:
    assert visible(cut, start) == ("It is Paris.", ReplyStart.REASONING)


def test_an_end_tag_alone_is_ignored_where_replies_start_with_the_answer() -> None:
    assert visible(["Here: </think> and", " on"], ReplyStart.ANSWER) == ("Here:  and on", ReplyStart.ANSWER)


@pytest.mark.parametrize(
    "model", ["deepseek-r1:7b", "QwQ-32B", "DeepThink", "gpt-nano-thinking", "x-reasoning"]
)
def test_the_name_of_a_reasoning_model_is_recognised(model: str) -> None:
    assert expected_start(model) is ReplyStart.REASONING


@pytest.mark.parametrize(
    "model", ["tiny", "grok-4-fast-non-reasoning", "qwen3-no-think", "Qwen3_NonThinking", "qwen3:nothink"]
)
def test_other_names_say_nothing(model: str) -> None:
    assert expected_start(model) is ReplyStart.UNKNOWN


@given(st.lists(st.text("<[◁|/>think ", max_size=5)))
def test_text_without_a_tag_is_all_visible(pieces: list[str]) -> None:
    text = "".join(pieces)
    if ">" not in text and "]" not in text:
        assert visible(pieces, ReplyStart.ANSWER)[0] == text.lstrip()


def test_text_is_not_held_back_where_replies_start_with_the_answer() -> None:
    text = VisibleText(ReplyStart.ANSWER)
    assert [text.receive(piece) for piece in ("Par", "is.")] == [["Par"], ["is."]]


def test_a_reply_without_reasoning_is_shown_where_reasoning_was_expected() -> None:
    assert visible(["Paris."], ReplyStart.REASONING) == ("Paris.", ReplyStart.ANSWER)


@pytest.mark.parametrize(
    ("start", "expected"), [(ReplyStart.UNKNOWN, "Is it Lyon?"), (ReplyStart.REASONING, "")]
)
def test_a_cut_reply_is_reasoning_only_where_replies_start_with_it(start: ReplyStart, expected: str) -> None:
    assert visible(["Is it Lyon?"], start, cut=True) == (expected, ReplyStart.UNKNOWN)


def test_the_text_that_is_held_back_is_limited() -> None:
    text = VisibleText(ReplyStart.UNKNOWN)
    assert text.receive("word " * 100) == []
    assert "".join(text.receive("word " * 100)) == "word " * 200
    assert text.receive("more") == ["more"]
    assert text.start is ReplyStart.ANSWER


def test_endless_reasoning_is_not_stored() -> None:
    text = VisibleText(ReplyStart.REASONING)
    assert [text.receive("word " * 10_000) for _ in range(5)] == [[]] * 5
    assert text.receive("</think>Paris.") == ["Paris."]


def test_reasoning_in_a_field_of_its_own_shows_that_the_text_is_the_answer() -> None:
    text = VisibleText(ReplyStart.UNKNOWN)
    assert text.receive("Par") == []
    assert text.receive_reasoning() == ["Par"]
    assert text.receive("is.") == ["is."]
