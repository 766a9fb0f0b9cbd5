"""Notes in place of what moderation has rejected, in the messages of a conversation."""

from dataclasses import replace

import msgspec

from voicegw.core.messages import Message

WITHHELD_REPLY = "[stopped by moderation]"
_WITHHELD_INPUT = Message("user", "[withheld by moderation]")


def without_input(message: Message, text: str) -> Message:
    """A message of the user or the client without this text, or without calls that have it as arguments; the
    same object if it has neither."""
    return _WITHHELD_INPUT if message.content.endswith(text) else _without_arguments(message, text)


def without_tool_text(message: Message, text: str) -> Message:
    """A message without calls that have this text as arguments, and without a result that is this text."""
    if message.role == "tool" and message.content == text:
        return replace(message, content=WITHHELD_REPLY)
    return _without_arguments(message, text)


def _without_arguments(message: Message, text: str) -> Message:
    if not any(call.arguments == text for call in message.tool_calls):
        return message
    calls = (
        msgspec.structs.replace(call, arguments="{}") if call.arguments == text else call
        for call in message.tool_calls
    )
    return replace(message, tool_calls=tuple(calls))
