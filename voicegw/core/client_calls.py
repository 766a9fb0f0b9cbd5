"""Tool calls that the client carries out, in prompts: its results may come late, in any order, or never."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from voicegw.core.messages import ClientToolCalled, Message, ToolCalled

NO_RESULT = "no result yet"


def is_by_client(message: Message) -> bool:
    """Whether the message calls a tool that the client carries out."""
    return any(isinstance(call, ClientToolCalled) for call in message.tool_calls)


def paired(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages with one result after each call, as endpoints require. A result without a call is left
    out. Of calls with the same id, each has the next result: one long result is not repeated after many
    calls."""
    if not any(map(is_by_client, messages)) and not any(map(_is_result, messages)):
        return messages
    results: defaultdict[str, deque[Message]] = defaultdict(deque)
    for each in filter(_is_result, messages):
        results[each.tool_call_id].append(each)
    ordered: list[Message] = []
    for message in messages:
        if _is_result(message):
            continue
        ordered.append(message)
        ordered += _results(message.tool_calls, results)
    return ordered


def _is_result(message: Message) -> bool:
    return message.role == "tool"


def _results(calls: Iterable[ToolCalled], results: Mapping[str, deque[Message]]) -> list[Message]:
    return [
        results[call.id].popleft() if results[call.id] else Message("tool", NO_RESULT, tool_call_id=call.id)
        for call in calls
    ]
