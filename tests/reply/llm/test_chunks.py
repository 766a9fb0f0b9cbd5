"""Chunks as different endpoints send them: tool calls in fragments, missing fields, reported tokens."""

from typing import Any, cast

import msgspec
import pytest
from msgspec import structs

from voicegw.core.events import Message, ToolCalled
from voicegw.reply.llm.chunks import CallFragment, Chunk, ToolCallDeltas
from voicegw.reply.llm.prompt import entries


def calls(*fragments: dict[str, Any]) -> list[ToolCalled]:
    deltas = ToolCallDeltas()
    for fragment in fragments:
        deltas.receive([msgspec.convert(fragment, CallFragment)])
    return deltas.calls()


def fragment(index: int | None, id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}


WEATHER = ToolCalled("a", "weather", '{"city":"Oslo"}')
TIME = ToolCalled("b", "time", "{}")


@pytest.mark.parametrize(
    "fragments",
    [
        [fragment(0, "a", "weather", '{"city":"Oslo"}'), fragment(1, "b", "time", "{}")],
        [
            fragment(0, "a", "weather", ""),
            fragment(1, "b", "time", ""),
            fragment(0, None, None, '{"city":'),
            fragment(1, None, None, "{}"),
            fragment(0, None, None, '"Oslo"}'),
        ],
        [fragment(0, "a", "weather", '{"city":"Oslo"}'), fragment(0, "b", "time", "{}")],
        [
            fragment(0, "a", "weather", '{"city":'),
            fragment(0, "a", None, '"Oslo"}'),
            fragment(1, "b", "time", "{}"),
        ],
        [
            fragment(0, "a", "weather", '{"city":'),
            *({"function": {"arguments": '"Oslo"}'}}, {"id": None}),
            fragment(1, "b", "time", "{}"),
        ],
    ],
    ids=["whole", "in turns", "all numbered 0", "id repeated", "only begun with a number"],
)
def test_the_fragments_of_two_calls_are_joined(fragments: list[dict[str, Any]]) -> None:
    assert calls(*fragments) == [WEATHER, TIME]


def test_a_call_without_an_id_gets_a_unique_one() -> None:
    first, second = calls(fragment(0, None, "time", "{}"), fragment(1, None, "time", "{}"))
    assert first.id.startswith("call_")
    assert first.id != second.id


@pytest.mark.parametrize("index", [0, None])
@pytest.mark.parametrize(
    "fragments",
    [
        [("weather", '{"city":"Oslo"}'), ("time", "{}")],
        [("weather", None), (None, '{"city":'), ("", '"Oslo"}'), ("time", "{"), (None, "}")],
    ],
    ids=["whole", "in pieces"],
)
def test_without_ids_and_different_numbers_a_name_begins_a_call(
    fragments: list[tuple[str | None, str | None]], index: int | None
) -> None:
    found = calls(*[fragment(index, "", name, arguments) for name, arguments in fragments])
    assert [structs.replace(call, id="") for call in found] == [
        structs.replace(call, id="") for call in (WEATHER, TIME)
    ]


@pytest.mark.parametrize(("index", "id"), [(0, ""), (None, "c")])
def test_the_name_of_a_call_with_a_number_or_an_id_may_come_in_pieces(index: int | None, id: str) -> None:
    fragments = [(id, "wea", ""), (None, "ther", '{"city":'), (None, None, '"Oslo"}')]
    [found] = calls(*[fragment(index, *each) for each in fragments])
    assert structs.replace(found, id="a") == WEATHER


def test_without_ids_and_numbers_calls_without_arguments_are_told_apart() -> None:
    names = ["get_time", "get_date", "wait"]
    found = calls(*[fragment(None, None, name, "") for name in names])
    assert [call.name for call in found] == names


def test_a_call_without_a_name_is_dropped() -> None:
    assert calls(fragment(0, "x", None, "{}"), fragment(1, "b", "time", "{}")) == [TIME]


def test_what_an_endpoint_adds_to_a_call_is_sent_back_with_it() -> None:
    extra = {"google": {"thought_signature": "c2ln\ud83d"}}
    found = calls(
        fragment(0, "a", "weather", '{"city":"Oslo"}') | {"extra_content": extra},
        {"index": 0, "extra_content": None},
        fragment(1, "b", "time", "{}") | {"extra_content": {"long": "x" * 8_000}},
    )
    assert [call.extra for call in found] == ['{"google": {"thought_signature": "c2ln\ufffd"}}', ""]
    [_, entry, _] = entries([Message("user", "Hi"), Message("assistant", "", tuple(found))])
    assert [call.get("extra_content") for call in cast(list[dict[str, object]], entry["tool_calls"])] == [
        {"google": {"thought_signature": "c2ln\ufffd"}},
        None,
    ]


def test_without_fragments_there_are_no_calls() -> None:
    assert calls() == []


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None, "usage": {"completion_tokens": 3}},
        {"choices": [{}]},
        {"choices": [{"delta": None, "finish_reason": None}]},
        {"choices": [{"delta": {"role": "assistant", "content": None, "tool_calls": None, "refusal": None}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"type": "function", "function": None}]}}]},
    ],
)
def test_every_field_may_be_missing(chunk: dict[str, Any]) -> None:
    deltas = ToolCallDeltas()
    for choice in msgspec.convert(chunk, Chunk).choices or ():
        assert not (choice.delta and choice.delta.text)
        assert choice.finish_reason is None
        deltas.receive((choice.delta and choice.delta.tool_calls) or ())
    assert deltas.calls() == []


def test_half_a_surrogate_pair_in_a_call_is_replaced() -> None:
    [call] = calls(
        fragment(0, "a\ud800", "weather\udc00", '{"city":"\ud83d'),
        fragment(0, None, None, '\ude00 \ud83d"}'),
    )
    assert call == ToolCalled("a\ufffd", "weather\ufffd", '{"city":"\U0001f600 \ufffd"}')
    assert msgspec.json.encode(entries([Message("user", "Hi"), Message("assistant", "", (call,))]))
