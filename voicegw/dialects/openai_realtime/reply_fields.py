"""The fields of a session or a response that state how the model replies."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from voicegw.core.profile import MAX_TOOLS
from voicegw.core.reply_parameters import ClientTool, ReplyParameters

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


class _FunctionTool(msgspec.Struct, tag_field="type", tag="function"):
    name: _Name
    description: str | None = None
    parameters: dict[str, Any] | None = None


def reply_parameters(given: Mapping[str, Any]) -> ReplyParameters:
    """The parameters in the fields of a session or a response; what cannot be used is left out."""
    choice = given.get("tool_choice")
    parallel, most = given.get("parallel_tool_calls"), given.get("max_output_tokens")
    return ReplyParameters(
        tools=_tools(given.get("tools")),
        tool_choice=choice if choice in ("none", "required") else "",
        function=_function(choice),
        max_tokens=most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else None,
        parallel_calls=parallel if isinstance(parallel, bool) else None,
        effort=_effort(given.get("reasoning")),
    )


def declared_tools(given: Any) -> list[dict[str, Any]]:
    """The tools of any type in a field of a session or a response. Whatever else a client writes there is
    not looked at again, and there may be much of it."""
    return [each for each in given[:MAX_TOOLS] if isinstance(each, dict)] if isinstance(given, list) else []


def _tools(given: Any) -> tuple[ClientTool, ...]:
    """The functions; tools of other types, which the server would have to carry out, are left out."""
    found: dict[str, ClientTool] = {}
    for each in declared_tools(given):
        try:
            tool = msgspec.convert(each, _FunctionTool)
        except msgspec.ValidationError:
            continue
        schema = tool.parameters or {"type": "object", "properties": {}}
        found[tool.name] = ClientTool(tool.name, tool.description or "", msgspec.json.encode(schema).decode())
    return tuple(found.values())


def _function(choice: Any) -> str:
    name = choice.get("name") if isinstance(choice, dict) and choice.get("type") == "function" else None
    return name if isinstance(name, str) else ""


def _effort(reasoning: Any) -> str:
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
    return effort if effort in _EFFORTS else ""
