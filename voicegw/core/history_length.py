"""The length of a conversation, and what is dropped of one that is too long."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec

from voicegw.core.messages import Message

CHARACTERS_PER_TOKEN = 4  # about, in English
KEPT_EXTRA_CHARACTERS = 64_000  # of calls; a signature of Gemini has up to some thousands
_MESSAGE_CHARACTERS = 16  # added for each message; about four tokens


def characters_of(messages: Iterable[Message]) -> int:
    """The length of messages: their texts and calls, and 16 characters for each message, so that very many
    short messages also fill the history. What an endpoint has added to calls does not count: it is long, and
    has its own limit."""
    return sum(
        _MESSAGE_CHARACTERS + len(each.content) + sum(len(call.arguments) for call in each.tool_calls)
        for each in messages
    )


def without_old_extra(messages: Sequence[Message]) -> list[Message]:
    """The messages without what an endpoint has added to the calls of all turns but the last one: Gemini
    wants it back only in the same turn. In a turn with very many calls, those of the newest messages keep
    `KEPT_EXTRA_CHARACTERS` in all: a client that carries out tools may never begin another turn."""
    *_, last = _turns(messages) or [range(0)]
    left = KEPT_EXTRA_CHARACTERS
    newest_first: list[Message] = []
    for place, message in reversed(list(enumerate(messages))):
        left -= sum(len(call.extra) for call in message.tool_calls)
        newest_first.append(message if place in last and left >= 0 else _without_extra(message))
    return newest_first[::-1]


def _without_extra(message: Message) -> Message:
    if not any(call.extra for call in message.tool_calls):
        return message
    return replace(
        message, tool_calls=tuple(msgspec.structs.replace(call, extra="") for call in message.tool_calls)
    )


def without_oldest(messages: Sequence[Message], excess: int, *, turn_follows: bool = False) -> list[Message]:
    """The messages without the oldest ones, shorter by at least `excess` characters where that is possible:
    first whole turns, then messages of the last turn; with a call its results, because endpoints reject one
    without the other. Unless another turn follows, the newest message and what it belongs to are kept."""
    *turns, last = _turns(messages) or [range(0)]
    parts = [*turns, last] if turn_follows else [*turns, *([place] for place in last)]
    kept = set() if turn_follows else _needed(messages)
    results = _results(messages)
    dropped = set[int]()
    for part in parts:
        if excess <= 0:
            break
        places = {*part, *(result for place in part for result in results[place])} - kept - dropped
        excess -= characters_of(messages[place] for place in places)
        dropped |= places
    return [each for place, each in enumerate(messages) if place not in dropped]


def _turns(messages: Sequence[Message]) -> list[range]:
    """The places of each turn; a turn begins with a message of the user."""
    begins = [place for place, each in enumerate(messages) if each.role == "user"]
    return [range(*bounds) for bounds in pairwise(sorted({0, *begins, len(messages)}))]


def _results(messages: Sequence[Message]) -> list[list[int]]:
    """For each message the places of the results of its calls. Of calls with the same id, each has the next
    result, as in client_calls.py."""
    places = defaultdict[str, deque[int]](deque)
    for place, each in enumerate(messages):
        places[each.tool_call_id].append(place)
    return [[places[call.id].popleft() for call in each.tool_calls if places[call.id]] for each in messages]


def _needed(messages: Sequence[Message]) -> set[int]:
    """The places of the newest message, of the call whose result it is, and of what the user said before."""
    if not messages:
        return set()
    newest, answered = len(messages) - 1, messages[-1].tool_call_id
    calls = [
        place for place, each in enumerate(messages) if any(call.id == answered for call in each.tool_calls)
    ]
    needed = {newest, calls[-1] if answered and calls else newest}
    said = [place for place, each in enumerate(messages) if each.role == "user"]
    return needed | {max((place for place in said if place <= end), default=end) for end in needed}
