"""A conversation as every model endpoint accepts it.

Many chat templates and hosted models insist that roles alternate, beginning and ending with the user. Those
of our history do not always: a reply may have failed, and a tool in the background answers between turns.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from voicegw.core.events import Message

OPENER = "Say OK."  # where a request needs a user message, and nobody has said anything
_FILLER = "..."
_START, _CALLS = "start", "calls"

# What has to stand between two neighbouring messages.
_BETWEEN = {
    (_START, "assistant"): Message("user", _FILLER),
    (_START, _CALLS): Message("user", _FILLER),
    ("assistant", _CALLS): Message("user", _FILLER),
    ("tool", "user"): Message("assistant", _FILLER),
}


def entries(
    messages: Sequence[Message], *, system: bool = True, tools: bool = True
) -> list[dict[str, object]]:
    """The messages as a request has them. system, tools: whether the endpoint takes such messages; for one
    that does not, they become part of what the user says."""
    if not tools:
        messages = [_without_tools(message) for message in messages]
    if not system:
        messages = [replace(each, role="user") if each.role == "system" else each for each in messages]
    return [_entry(message) for message in _alternating(messages)]


def _alternating(messages: Sequence[Message]) -> list[Message]:
    told: list[Message] = []
    for message in messages:
        kind = _kind(message)
        if kind in ("user", "assistant") and not message.content.strip():
            continue  # refused by some, and no news to any
        before = _kind(told[-1]) if told else _START
        if before == "system":
            before = _START
        if before == kind and kind in ("user", "assistant"):
            told[-1] = replace(told[-1], content=f"{told[-1].content}\n{message.content}")
            continue
        if (filler := _BETWEEN.get((before, kind))) is not None:
            told.append(filler)
        told.append(message)
    if not told or told[-1].role not in ("user", "tool"):
        told.append(Message("user", OPENER))
    return told


def _kind(message: Message) -> str:
    """The role, with messages that call tools told apart: neighbours of these are not joined."""
    return _CALLS if message.tool_calls else message.role


def _without_tools(message: Message) -> Message:
    """The message for an endpoint that knows no tools: a result is told by the user."""
    if message.role == "tool":
        return Message("user", f"[result of a tool: {message.content}]")
    return replace(message, tool_calls=())


def _entry(message: Message) -> dict[str, object]:
    """The message as the endpoint knows it. A NUL is refused by many, and says nothing."""
    entry: dict[str, object] = {"role": message.role, "content": message.content.replace("\0", "")}
    if message.tool_calls:
        entry["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _object(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        entry["tool_call_id"] = message.tool_call_id
    return entry


def _object(arguments: str) -> str:
    """The arguments as the model wrote them, or an empty object when they are none: some endpoints read them
    to write their prompt, and would refuse all that follows in this conversation."""
    try:
        return arguments if isinstance(msgspec.json.decode(arguments), dict) else "{}"
    except (msgspec.DecodeError, RecursionError):
        return "{}"
