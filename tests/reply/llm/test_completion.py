"""The visible text and the result of a reply, for each way in which endpoints end one."""

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
from voicegw.reply.llm.reasoning import ReplyStart

WEATHER = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "weather", "arguments": "{}"}}]}


def completed(
    *deltas: dict[str, Any], finish: object = "stop", done: bool = True, start: ReplyStart = ReplyStart.ANSWER
) -> tuple[str, Completion]:
    """The visible text of a reply with these deltas, and its completion."""
    completion, pieces = Completion(start), list[str]()
    for delta in (*deltas, None):
        raw = {"finish_reason": finish} if delta is None else {"delta": delta}
        pieces += completion.receive(msgspec.convert(raw, Choice))
    pieces += completion.end(done=done)
    return "".join(pieces), completion


def test_a_reply_is_its_text() -> None:
    text, completion = completed({"content": "Hel"}, {"content": "lo."})
    assert (text, completion.failure(), completion.notice(), completion.calls()) == ("Hello.", None, None, [])


def test_a_reply_may_consist_of_calls_only() -> None:
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
def test_the_finish_reason_and_the_text_decide_the_error(
    deltas: list[dict[str, Any]], finish: object, failure: type[ReplyError] | None
) -> None:
    _, completion = completed(*deltas, finish=finish)
    assert type(completion.failure()) is (failure or type(None))


def test_a_stream_without_an_end_mark_was_interrupted() -> None:
    text, completion = completed({"content": "Hello."}, finish=None, done=False)
    assert (text, type(completion.failure())) == ("Hello.", LLMInterrupted)


def test_a_reply_that_was_cut_has_a_notice() -> None:
    text, completion = completed({"content": "Hello and"}, finish="length")
    assert (text, completion.failure()) == ("Hello and", None)
    assert completion.notice() == ReplyNotice("llm_token_limit", "the reply was cut at the token limit")


@pytest.mark.parametrize("finish", [None, "error"])
def test_uncertain_text_of_a_failed_reply_is_not_shown(finish: str | None) -> None:
    text, _ = completed({"content": "Perhaps"}, finish=finish, done=False, start=ReplyStart.UNKNOWN)
    assert text == ""


def test_uncertain_text_is_shown_when_it_is_released() -> None:
    completion = Completion(ReplyStart.UNKNOWN)
    assert completion.receive(msgspec.convert({"delta": {"content": "Perhaps"}}, Choice)) == []
    assert completion.uncertain
    assert completion.release() == ["Perhaps"]
    assert not completion.uncertain


def test_a_chunk_without_content_does_not_begin_the_reply() -> None:
    completion = Completion(ReplyStart.ANSWER)
    for choice in (None, Choice(), msgspec.convert({"delta": {"role": "assistant"}}, Choice)):
        assert completion.receive(choice) == []
    assert not completion.begun
    completion.receive(msgspec.convert({"delta": WEATHER}, Choice))
    assert completion.begun
