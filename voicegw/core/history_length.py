"""The length of a conversation, and what is dropped of one that is too long."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from voicegw.core.messages import Message

CHARACTERS_PER_TOKEN = 4  # about, in English
_MESSAGE_CHARACTERS = 16  # added for each message; about four tokens


def characters_of(messages: Iterable[Message]) -> int:
    """The length of messages: their texts and calls, and 16 characters for each message, so that very many
    short messages also fill the history."""
    return sum(
        _MESSAGE_CHARACTERS + len(each.content) + sum(len(call.arguments) for call in each.tool_calls)
        for each in messages
    )


def without_oldest(messages: Sequence[Message], excess: int, *, turn_follows: bool = False) -> list[Message]:
    """The messages without the oldest turns, shorter by at least `excess` characters. Of the last turn,
    unless another one follows, only what is between the user's message and the newest one is dropped. Tool
    calls and their results are dropped together, because endpoints reject one without the other."""
    dropped = set[int]()
    for begin, end in _turns(messages) if turn_follows else _droppable(messages):
        if excess > 0:
            excess -= characters_of(messages[begin:end])
            dropped.update(range(begin, end))
    return [each for place, each in enumerate(messages) if place not in dropped]


def _turns(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """The begin and end of each turn; a turn begins with a message of the user."""
    begins = [place for place, each in enumerate(messages) if each.role == "user"]
    return list(pairwise(sorted({0, *begins, len(messages)})))


def _droppable(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """The begin and end of the turns before the last one, and then of the parts of the last one."""
    if not messages:
        return
    *turns, (begin, end) = _turns(messages)
    yield from turns
    parts, calls = [], set[str]()
    for place in range(begin + (messages[begin].role == "user"), end):
        message = messages[place]
        if message.tool_call_id not in calls:
            parts.append(place)
            calls.clear()
        calls.update(call.id for call in message.tool_calls)
    yield from pairwise(parts)
