"""The messages of a conversation in the form that every model endpoint accepts.

Many chat templates and hosted models require that user and assistant messages alternate, and that the first
and the last are the user's. Our history does not always: a reply may have failed, and the result of a
background tool call comes between two turns.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from voicegw.core.events import Message, ToolCalled
from voicegw.reply.llm.chunks import is_json_object

DEFAULT_USER_MESSAGE = "Say OK."  # for a request without any message of the user
EXTRA_CONTENT = "extra_content"  # of a call: what its endpoint has added
_FILLER = "..."
_START, _CALLS = "start", "calls"

# The message to insert between two neighbours, by their kinds.
_BETWEEN = {
    (_START, "assistant"): Message("user", _FILLER),
    (_START, _CALLS): Message("user", _FILLER),
    ("assistant", _CALLS): Message("user", _FILLER),
    ("tool", "user"): Message("assistant", _FILLER),
}


def entries(
    messages: Sequence[Message], *, system: bool = True, tools: bool = True, extra: bool = True
) -> list[dict[str, object]]:
    """The `messages` of a chat completion request. system, tools: whether the endpoint accepts messages of
    these roles; if not, they become messages of the user. extra: whether it accepts what the endpoint of a
    call has added to it."""
    if not tools:
        messages = [_without_tools(message) for message in messages]
    if not system:
        messages = [replace(each, role="user") if each.role == "system" else each for each in messages]
    return [_entry(message, extra=extra) for message in _alternating(messages)]


def _alternating(messages: Sequence[Message]) -> list[Message]:
    result: list[Message] = []
    for message in messages:
        kind = _kind(message)
        if kind in ("user", "assistant") and not message.content.strip():
            continue  # some endpoints refuse empty messages
        before = _kind(result[-1]) if result else _START
        if before == "system":
            before = _START
        if before == kind and kind in ("user", "assistant"):
            result[-1] = replace(result[-1], content=f"{result[-1].content}\n{message.content}")
            continue
        if (filler := _BETWEEN.get((before, kind))) is not None:
            result.append(filler)
        result.append(message)
    if not result or result[-1].role not in ("user", "tool"):
        result.append(Message("user", DEFAULT_USER_MESSAGE))
    return result


def _kind(message: Message) -> str:
    """The role, or "calls" for a message that calls tools: such a message is not joined with a neighbour."""
    return _CALLS if message.tool_calls else message.role


def _without_tools(message: Message) -> Message:
    """The message for an endpoint without tools: a tool's result becomes a message of the user."""
    if message.role == "tool":
        return Message("user", f"[result of a tool: {message.content}]")
    return replace(message, tool_calls=())


def _entry(message: Message, *, extra: bool) -> dict[str, object]:
    """The message as a JSON object, without NUL, which many endpoints refuse."""
    entry: dict[str, object] = {"role": message.role, "content": message.content.replace("\0", "")}
    if message.tool_calls:
        entry["tool_calls"] = [_call(call, extra=extra) for call in message.tool_calls]
    if message.tool_call_id:
        entry["tool_call_id"] = message.tool_call_id
    return entry


def _call(call: ToolCalled, *, extra: bool) -> dict[str, object]:
    function = {"name": call.name, "arguments": _json_object(call.arguments)}
    added = {EXTRA_CONTENT: json.loads(call.extra)} if extra and call.extra else {}
    return {"id": call.id, "type": "function", "function": function, **added}


def _json_object(arguments: str) -> str:
    """The arguments as the model wrote them, or an empty object if they are not a JSON object: some endpoints
    parse them, and would refuse every later request of this conversation."""
    return arguments if is_json_object(arguments) else "{}"
