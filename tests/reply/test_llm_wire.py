"""Fragments of tool calls, as different endpoints send them, add up to the same calls."""

from typing import Any

import pytest
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from voicegw.core.events import Message, ToolCalled
from voicegw.reply.llm_wire import ToolCallDeltas, entry


def calls(*fragments: dict[str, Any]) -> list[ToolCalled]:
    deltas = ToolCallDeltas()
    for fragment in fragments:
        deltas.receive([ChoiceDeltaToolCall.model_validate(fragment)])
    return deltas.calls()


def fragment(index: int, id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
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
    ],
    ids=["whole", "in turns", "all numbered 0", "id repeated"],
)
def test_two_calls(fragments: list[dict[str, Any]]) -> None:
    assert calls(*fragments) == [WEATHER, TIME]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    first, second = calls(fragment(0, None, "time", "{}"), fragment(1, None, "time", "{}"))
    assert first.id.startswith("call_")
    assert first.id != second.id


def test_no_fragments_no_calls() -> None:
    assert calls() == []


@pytest.mark.parametrize(
    ("arguments", "sent"), [('{"a": 1}', '{"a": 1}'), ("", "{}"), ('{"a":', "{}"), ("[1]", "{}")]
)
def test_arguments_that_are_no_object_do_not_spoil_the_conversation(arguments: str, sent: str) -> None:
    wire: Any = entry(Message("assistant", "", (ToolCalled("a", "time", arguments),)))
    assert wire["tool_calls"][0]["function"] == {"name": "time", "arguments": sent}
