"""The messages of a request: alternating roles, endpoints without some roles, and unusual content."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.events import Message, ToolCalled
from voicegw.reply.llm.prompt import DEFAULT_USER_MESSAGE, entries

SYSTEM = Message("system", "Be brief.")
CALL = Message("assistant", "", (ToolCalled("c1", "clock", "{}"),))
RESULT = Message("tool", "noon", tool_call_id="c1")


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def shown(*messages: Message, **supported: bool) -> list[str]:
    """The entries as `role: content`, with a `+` for tool calls."""
    return [
        f"{entry['role']}{'+' if 'tool_calls' in entry else ''}: {entry['content']}"
        for entry in entries(messages, **supported)
    ]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], [f"user: {DEFAULT_USER_MESSAGE}"]),
        ([SYSTEM], ["system: Be brief.", f"user: {DEFAULT_USER_MESSAGE}"]),
        ([user("One."), user("Two.")], ["user: One.\nTwo."]),
        ([user("One."), assistant(" \n"), user("Two.")], ["user: One.\nTwo."]),
        ([assistant("Hi."), user("One.")], ["user: ...", "assistant: Hi.", "user: One."]),
        (
            [user("One."), assistant("Hi.")],
            ["user: One.", "assistant: Hi.", f"user: {DEFAULT_USER_MESSAGE}"],
        ),
        ([user("When?"), CALL, RESULT], ["user: When?", "assistant+: ", "tool: noon"]),
        ([CALL, RESULT], ["user: ...", "assistant+: ", "tool: noon"]),
        (
            [user("When?"), CALL, RESULT, user("Thanks.")],
            ["user: When?", "assistant+: ", "tool: noon", "assistant: ...", "user: Thanks."],
        ),
        (
            [user("When?"), assistant("Soon."), CALL, RESULT],
            ["user: When?", "assistant: Soon.", "user: ...", "assistant+: ", "tool: noon"],
        ),
    ],
)
def test_roles_alternate(messages: list[Message], expected: list[str]) -> None:
    assert shown(*messages) == expected


_TEXTS = st.sampled_from(["", " ", "Hi.", "No."])
_MESSAGES = st.builds(Message, st.sampled_from(["user", "assistant"]), _TEXTS)


@given(st.lists(_MESSAGES, max_size=8), st.booleans())
def test_any_history_alternates_between_user_and_assistant(history: list[Message], with_system: bool) -> None:
    messages = entries([SYSTEM, *history] if with_system else history)
    roles = [entry["role"] for entry in messages if entry["role"] != "system"]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert all(str(entry["content"]).strip() for entry in messages)


def test_an_endpoint_without_the_system_role_gets_a_message_of_the_user() -> None:
    assert shown(SYSTEM, user("Hi."), system=False) == ["user: Be brief.\nHi."]


def test_an_endpoint_without_tools_gets_results_from_the_user() -> None:
    messages = [user("When?"), CALL, RESULT]
    assert shown(*messages, tools=False) == ["user: When?\n[result of a tool: noon]"]


def test_nul_is_removed() -> None:
    assert shown(user("a\0b")) == ["user: ab"]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [('{"a": 1}', '{"a": 1}'), ("", "{}"), ('{"a":', "{}"), ("[1]", "{}"), ("[" * 100_000, "{}")],
)
def test_arguments_that_are_not_an_object_are_replaced(arguments: str, sent: str) -> None:
    call = Message("assistant", "", (ToolCalled("a", "time", arguments),))
    entry: Any = entries([user("When?"), call])[1]
    assert entry["tool_calls"][0]["function"] == {"name": "time", "arguments": sent}


def test_a_call_and_its_result_have_the_same_id() -> None:
    _, call, result = json.loads(json.dumps(entries([user("When?"), CALL, RESULT])))
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "c1"
