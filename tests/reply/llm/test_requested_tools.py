from typing import Any

import pytest

from tests.observing import asked
from voicegw.core.messages import Message
from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.core.responder import ReplyRequest
from voicegw.reply.llm.request_form import RequestForm

OURS = {"type": "function", "function": {"name": "clock", "description": "Ours.", "parameters": {}}}
FORM = RequestForm({"model": "tiny", "tools": [OURS]})
MESSAGES = (Message("user", "Hi."),)
WEATHER = ClientTool("weather", "Tells it.", '{"type":"object"}')


def body(parameters: ReplyParameters, tools: tuple[str, ...] | None = None, form: RequestForm = FORM) -> Any:
    return form.body(ReplyRequest(MESSAGES, tools, parameters=parameters), max_tokens=100)


def test_the_clients_functions_are_beside_the_servers_tools() -> None:
    [ours, theirs] = body(ReplyParameters((WEATHER,)))["tools"]
    assert ours == OURS
    function = {"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}}
    assert theirs == {"type": "function", "function": function}


def test_a_function_takes_the_place_of_a_tool_with_its_name() -> None:
    [only] = body(ReplyParameters((ClientTool("clock", "Theirs.", "{}"),)))["tools"]
    assert only["function"]["description"] == "Theirs."


def test_a_session_without_tools_of_the_server_has_its_own() -> None:
    [only] = body(ReplyParameters((WEATHER,)), tools=())["tools"]
    assert only["function"]["name"] == "weather"


@pytest.mark.parametrize(
    ("parameters", "sent"),
    [
        (ReplyParameters(tool_choice="none"), {"tool_choice": "none"}),
        (
            ReplyParameters(function="clock"),
            {"tool_choice": {"type": "function", "function": {"name": "clock"}}},
        ),
        (ReplyParameters(parallel_calls=False), {"parallel_tool_calls": False}),
        (ReplyParameters(effort="low"), {"reasoning_effort": "low"}),
        (ReplyParameters(max_tokens=9), {"max_tokens": 9}),
        (ReplyParameters(max_tokens=900), {"max_tokens": 100}),
    ],
)
def test_parameters_are_passed_on(parameters: ReplyParameters, sent: dict[str, Any]) -> None:
    usual = {"model": "tiny", "tools": [OURS], "max_tokens": 100}
    written = body(parameters)
    del written["messages"]
    assert written == usual | sent


def test_a_choice_among_no_tools_is_not_sent() -> None:
    assert "tool_choice" not in body(ReplyParameters(tool_choice="none"), tools=())


@pytest.mark.parametrize(
    ("complaint", "refused"),
    [
        ("Unsupported parameter: 'reasoning_effort'", "reasoning_effort"),
        ("parallel_tool_calls is not supported by this model", "parallel_tool_calls"),
        ("unknown field tool_choice", "tool_choice"),
    ],
)
def test_an_endpoint_may_refuse_them(complaint: str, refused: str) -> None:
    wanted = ReplyParameters(tool_choice="required", parallel_calls=True, effort="low")
    request = ReplyRequest(asked(MESSAGES).messages, parameters=wanted)
    form = FORM.without_refused(complaint, request)
    assert form is not None
    assert form.refused == {refused}
    assert refused not in form.body(request, 5)
