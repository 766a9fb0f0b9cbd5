"""Reasoning is taken out of a reply, however its text is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.reply.llm.reasoning import Opening, VisibleText, expected_opening

TAGGED = "<think>Is it Lyon? No < Paris.</think>\n\nIt is <b>Paris</b>, 1 < 2. [THINK]Sure?[/THINK]Yes."
UNTAGGED = "Is it Lyon? No.\n</think>\n\nIt is Paris."


def visible(pieces: list[str], opening: Opening, *, cut: bool = False) -> tuple[str, Opening]:
    text = VisibleText(opening)
    shown = [shown for piece in pieces for shown in text.receive(piece)]
    return "".join(shown + text.end(cut=cut)), text.seen


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=30)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(pieces(TAGGED), st.sampled_from(Opening))
def test_tags_are_found_wherever_the_text_is_cut(cut: list[str], opening: Opening) -> None:
    assert visible(cut, opening) == ("It is <b>Paris</b>, 1 < 2. Yes.", Opening.ANSWER)


@given(pieces(UNTAGGED), st.sampled_from([Opening.UNKNOWN, Opening.REASONING]))
def test_an_end_tag_alone_shows_that_what_was_before_it_was_reasoning(
    cut: list[str], opening: Opening
) -> None:
    assert visible(cut, opening) == ("It is Paris.", Opening.REASONING)


def test_an_end_tag_alone_is_no_reasoning_where_replies_begin_with_the_answer() -> None:
    assert visible(["Here: </think> and", " on"], Opening.ANSWER) == ("Here:  and on", Opening.ANSWER)


@pytest.mark.parametrize(
    "model", ["deepseek-r1:7b", "QwQ-32B", "DeepThink", "gpt-nano-thinking", "x-reasoning"]
)
def test_a_name_tells_that_a_model_reasons(model: str) -> None:
    assert expected_opening(model) is Opening.REASONING


@pytest.mark.parametrize(
    "model", ["tiny", "grok-4-fast-non-reasoning", "qwen3-no-think", "Qwen3_NonThinking", "qwen3:nothink"]
)
def test_a_name_tells_that_a_model_does_not_reason(model: str) -> None:
    assert expected_opening(model) is Opening.UNKNOWN


@given(st.lists(st.text("<[◁|/>think ", max_size=5)))
def test_text_without_a_tag_is_all_visible(pieces: list[str]) -> None:
    text = "".join(pieces)
    if ">" not in text and "]" not in text:
        assert visible(pieces, Opening.ANSWER)[0] == text.lstrip()


def test_text_is_not_held_back_where_replies_begin_with_the_answer() -> None:
    text = VisibleText(Opening.ANSWER)
    assert [text.receive(piece) for piece in ("Par", "is.")] == [["Par"], ["is."]]


def test_an_endpoint_whose_replies_began_with_reasoning_may_change() -> None:
    assert visible(["Paris."], Opening.REASONING) == ("Paris.", Opening.ANSWER)


@pytest.mark.parametrize(("opening", "shown"), [(Opening.UNKNOWN, "Is it Lyon?"), (Opening.REASONING, "")])
def test_a_reply_that_was_cut_is_reasoning_only_where_replies_begin_with_it(
    opening: Opening, shown: str
) -> None:
    assert visible(["Is it Lyon?"], opening, cut=True) == (shown, Opening.UNKNOWN)


def test_no_more_is_held_back_than_a_spoken_reply_has() -> None:
    text = VisibleText(Opening.UNKNOWN)
    assert text.receive("word " * 100) == []
    assert "".join(text.receive("word " * 100)) == "word " * 200
    assert text.receive("more") == ["more"]
    assert text.seen is Opening.ANSWER


def test_endless_reasoning_is_not_kept() -> None:
    text = VisibleText(Opening.REASONING)
    assert [text.receive("word " * 10_000) for _ in range(5)] == [[]] * 5
    assert text.receive("</think>Paris.") == ["Paris."]


def test_an_endpoint_that_tells_reasoning_apart_is_believed() -> None:
    text = VisibleText(Opening.UNKNOWN)
    assert text.receive("Par") == []
    assert text.receive_reasoning() == ["Par"]
    assert text.receive("is.") == ["is."]
