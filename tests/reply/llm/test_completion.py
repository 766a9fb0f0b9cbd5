"""How a reply ended: what is visible of it and whether it failed, for each way in which endpoints end one."""

from typing import Any

import msgspec
import pytest

from voicegw.core.events import ReplyNotice, ToolCalled
from voicegw.errors import (
    LLMBroken,
    LLMEmpty,
    LLMFiltered,
    LLMInterrupted,
    LLMReasoningOnly,
    LLMTokenLimit,
    ReplyError,
)
from voicegw.reply.llm.chunks import Choice
from voicegw.reply.llm.completion import Completion
from voicegw.reply.llm.reasoning import Opening

WEATHER = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "weather", "arguments": "{}"}}]}


def completed(
    *deltas: dict[str, Any], finish: object = "stop", done: bool = True, opening: Opening = Opening.ANSWER
) -> tuple[str, Completion]:
    """What was visible of a reply that had these deltas and then ended."""
    completion, pieces = Completion(opening), list[str]()
    for delta in (*deltas, None):
        raw = {"finish_reason": finish} if delta is None else {"delta": delta}
        pieces += completion.receive(msgspec.convert(raw, Choice))
    pieces += completion.end(done=done)
    return "".join(pieces), completion


def test_a_reply_is_its_text() -> None:
    text, completion = completed({"content": "Hel"}, {"content": "lo."})
    assert (text, completion.failure(), completion.notice(), completion.calls()) == ("Hello.", None, None, [])


def test_calls_make_a_reply_without_words_a_good_one() -> None:
    text, completion = completed(WEATHER, finish="tool_calls")
    assert (text, completion.failure()) == ("", None)
    assert completion.calls() == [ToolCalled("a", "weather", "{}")]


@pytest.mark.parametrize(
    ("deltas", "finish", "failure"),
    [
        ([], "stop", LLMEmpty),
        ([{"reasoning": "Hmm."}], "stop", LLMReasoningOnly),
        ([], "length", LLMTokenLimit),
        ([{"reasoning": "Hmm."}], "MAX_TOKENS", LLMTokenLimit),
        ([{"content": "I call"}, WEATHER], "length", LLMTokenLimit),  # the arguments may be cut
        ([{"content": "Hello."}], "content_filter", LLMFiltered),
        ([{"content": "Hello."}], "SAFETY", LLMFiltered),
        ([{"content": "Hello."}], "error", LLMBroken),
        ([{"content": "Hello."}], "eos", None),
        ([{"content": "Hello."}], 7, None),
    ],
)
def test_what_is_wrong_is_told_by_how_it_ended(
    deltas: list[dict[str, Any]], finish: object, failure: type[ReplyError] | None
) -> None:
    _, completion = completed(*deltas, finish=finish)
    assert type(completion.failure()) is (failure or type(None))


def test_a_stream_without_an_end_was_interrupted() -> None:
    text, completion = completed({"content": "Hello."}, finish=None, done=False)
    assert (text, type(completion.failure())) == ("Hello.", LLMInterrupted)


def test_a_reply_that_was_cut_has_a_notice() -> None:
    text, completion = completed({"content": "Hello and"}, finish="length")
    assert (text, completion.failure()) == ("Hello and", None)
    assert completion.notice() == ReplyNotice("llm_token_limit", "the reply was cut at the token limit")


@pytest.mark.parametrize("finish", [None, "error"])
def test_text_in_doubt_is_not_shown_when_the_reply_can_be_asked_for_again(finish: str | None) -> None:
    text, _ = completed({"content": "Perhaps"}, finish=finish, done=False, opening=Opening.UNKNOWN)
    assert text == ""


def test_text_in_doubt_is_shown_when_it_has_been_waited_for_long_enough() -> None:
    completion = Completion(Opening.UNKNOWN)
    assert completion.receive(msgspec.convert({"delta": {"content": "Perhaps"}}, Choice)) == []
    assert completion.in_doubt
    assert completion.give_up() == ["Perhaps"]
    assert not completion.in_doubt


def test_a_chunk_that_adds_nothing_begins_nothing() -> None:
    completion = Completion(Opening.ANSWER)
    for choice in (None, Choice(), msgspec.convert({"delta": {"role": "assistant"}}, Choice)):
        assert completion.receive(choice) == []
    assert not completion.begun
    completion.receive(msgspec.convert({"delta": WEATHER}, Choice))
    assert completion.begun
