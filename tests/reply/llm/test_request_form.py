"""The form of a request, and which parameter an endpoint's error text refuses."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.observing import asked
from voicegw.core.events import Message, ToolCalled
from voicegw.reply.llm.request_form import SYSTEM, RequestForm

pytestmark = pytest.mark.usefixtures("virtual_clock")

PROMPT = asked([Message("system", "Be brief."), Message("user", "Hi.")])


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "It.", "parameters": {}}}


FORM = RequestForm(
    {
        "model": "tiny",
        "temperature": 1.0,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [tool("clock"), tool("lamp")],
    }
)


def test_a_body_has_all_parameters() -> None:
    body = FORM.body(PROMPT, max_tokens=7)
    assert body.pop("messages") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi."},
    ]
    assert body == {**FORM.fixed, "max_tokens": 7}


@pytest.mark.parametrize(
    ("new_name_first", "refused", "name"),
    [
        (False, [], "max_tokens"),
        (True, [], "max_completion_tokens"),
        (False, ["max_tokens"], "max_completion_tokens"),
        (True, ["max_completion_tokens"], "max_tokens"),
    ],
)
def test_the_token_limit_has_one_name(new_name_first: bool, refused: list[str], name: str) -> None:
    body = replace(FORM, new_name_first=new_name_first).without(refused).body(PROMPT, max_tokens=7)
    assert {key: value for key, value in body.items() if key.startswith("max_")} == {name: 7}


def test_an_endpoint_that_refuses_both_names_gets_no_token_limit() -> None:
    body = FORM.without(["max_tokens", "max_completion_tokens"]).body(PROMPT, max_tokens=7)
    assert not [key for key in body if key.startswith("max_")]


def test_refused_parameters_are_left_out() -> None:
    body = FORM.without(["temperature", "tools", SYSTEM]).body(PROMPT, max_tokens=7)
    assert set(body) == {"model", "stream", "stream_options", "max_tokens", "messages"}
    assert body["messages"] == [{"role": "user", "content": "Be brief.\nHi."}]


@pytest.mark.parametrize(("allowed", "names"), [(None, ["clock", "lamp"]), (("lamp",), ["lamp"]), ((), None)])
def test_a_request_has_the_tools_of_its_session(
    allowed: tuple[str, ...] | None, names: list[str] | None
) -> None:
    body = FORM.body(replace(PROMPT, tools=allowed), max_tokens=7)
    tools = body.get("tools")
    assert (tools and [each["function"]["name"] for each in tools]) == names


@pytest.mark.parametrize(
    ("complaint", "refused"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens"),
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        ("temperature: only the default (1) is supported", "temperature"),
        ("This model does not support tools", "tools"),
        ("Conversation roles must alternate user/assistant/user", SYSTEM),
        ("System role not supported", SYSTEM),
        ("The context length is 100 tokens; you asked for 99 and max_tokens 1.", None),
        ("Unknown parameter: logit_bias", None),
        ("Internal Server Error", None),
        ("", None),
    ],
)
def test_the_parameter_that_an_error_text_refuses(complaint: str, refused: str | None) -> None:
    form = FORM.without_refused(complaint, PROMPT)
    assert (form and set(form.refused)) == ({refused} if refused else None)


def test_a_parameter_that_was_not_sent_is_not_refused() -> None:
    without = FORM.without(["temperature"])
    assert without.without_refused("Unsupported parameter: temperature", PROMPT) is None
    user_only = asked(PROMPT.messages[1:])
    assert FORM.without_refused("System role not supported", user_only) is None


def test_what_another_endpoint_has_added_to_a_call_can_be_refused() -> None:
    called = Message("assistant", "", (ToolCalled("c1", "clock", "{}", extra='{"google": {}}'),))
    prompt = asked([*PROMPT.messages, called, Message("tool", "noon", tool_call_id="c1")])
    [call] = FORM.body(prompt, max_tokens=7)["messages"][2]["tool_calls"]
    assert call["extra_content"] == {"google": {}}
    form = FORM.without_refused("Unknown parameter: 'messages[2].tool_calls[0].extra_content'.", prompt)
    assert form is not None
    [call] = form.body(prompt, max_tokens=7)["messages"][2]["tool_calls"]
    assert set(call) == {"id", "type", "function"}


def test_of_two_parameters_the_first_one_in_the_text_is_refused() -> None:
    form = FORM.without_refused("Unsupported parameter: temperature. Supported are tools.", PROMPT)
    assert form is not None
    assert form.refused == {"temperature"}


def test_each_simpler_form_leaves_out_more() -> None:
    refused = [form.refused for form in FORM.simpler()]
    assert all(fewer < more for fewer, more in pairwise(refused))
    assert set(FORM.simpler()[-1].body(PROMPT, max_tokens=7)) == {"model", "stream", "max_tokens", "messages"}
