from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from benchmarks.cluster.storm import _back
from voicegw.core import events
from voicegw.dialects import native

LIMITS = events.Limits(max_message_bytes=1, max_burst_ms=1, idle_timeout_ms=1)
GREETING = native.ReadyMessage(seq=9, session="s", epoch=2, resumed=True, next_sample=0, limits=LIMITS)
ACK = native.AckedMessage(seq=1, samples=1)


def client(messages: Sequence[native.ServerMessage]) -> Any:
    async def coming() -> AsyncIterator[native.ServerMessage]:
        for message in messages:
            yield message

    return coming()


@pytest.mark.parametrize("resumed", [True, False])
async def test_a_client_is_back_when_it_is_greeted_again(resumed: bool) -> None:
    greeting = msgspec.structs.replace(GREETING, resumed=resumed)
    assert (await _back(client([ACK, greeting])))[1] is resumed


async def test_a_session_that_ends_by_itself_is_no_storm() -> None:
    with pytest.raises(RuntimeError, match="was over"):
        await _back(client([ACK]))
