"""The tools of one request to a model: those of the server, and those that the client carries out."""

from collections.abc import Sequence
from typing import Any

import msgspec

from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.core.responder import ReplyRequest


def all_tools(declared: Sequence[dict[str, Any]], request: ReplyRequest) -> list[dict[str, Any]]:
    """The definitions for this request. declared: the tools of the server. A tool of the client takes the
    place of one of the server with the same name."""
    own = request.parameters.tools
    names = {tool.name for tool in own}
    allowed = [
        each
        for each in declared
        if (name := each["function"]["name"]) not in names
        and (request.tools is None or name in request.tools)
    ]
    return [*allowed, *map(_definition, own)]


def _definition(tool: ClientTool) -> dict[str, Any]:
    parameters = msgspec.json.decode(tool.parameters)
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def tool_parameters(asked: ReplyParameters) -> dict[str, Any]:
    """How the model may use the tools."""
    wanted: dict[str, Any] = {}
    if asked.function:
        wanted["tool_choice"] = {"type": "function", "function": {"name": asked.function}}
    elif asked.tool_choice:
        wanted["tool_choice"] = asked.tool_choice
    if asked.parallel_calls is not None:
        wanted["parallel_tool_calls"] = asked.parallel_calls
    return wanted
