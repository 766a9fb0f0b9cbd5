"""Hundreds of sessions that open at the same time send one prewarming request."""

import asyncio
from contextlib import suppress

import pytest

from tests.observing import asked
from voicegw.core.events import Message
from voicegw.core.responder import ReplyRequest
from voicegw.errors import LLMUnreachable
from voicegw.reply.llm.prewarming import Prewarming

pytestmark = pytest.mark.usefixtures("virtual_clock")

PROMPT = [Message("system", "Be brief.")]


class Endpoint:
    """Counts requests, which end when `finish` is set, or fail."""

    def __init__(self) -> None:
        self.requests: list[ReplyRequest] = []
        self.finish = asyncio.Event()
        self.finish.set()
        self.down = False

    async def send(self, request: ReplyRequest) -> None:
        self.requests.append(request)
        await self.finish.wait()
        if self.down:
            raise LLMUnreachable


async def test_the_same_prompt_is_sent_once() -> None:
    endpoint = Endpoint()
    prewarming = Prewarming(endpoint.send, interval_s=60)
    await asyncio.gather(*(prewarming.warm(asked(PROMPT)) for _ in range(500)))
    assert endpoint.requests == [asked(PROMPT)]


async def test_another_prompt_is_sent() -> None:
    endpoint = Endpoint()
    prewarming = Prewarming(endpoint.send, interval_s=60)
    await prewarming.warm(asked(PROMPT))
    await prewarming.warm(asked([Message("system", "Rhyme.")]))
    assert len(endpoint.requests) == 2


async def test_after_the_interval_a_prompt_is_sent_again() -> None:
    endpoint = Endpoint()
    prewarming = Prewarming(endpoint.send, interval_s=0)
    await prewarming.warm(asked(PROMPT))
    await prewarming.warm(asked(PROMPT))
    assert len(endpoint.requests) == 2


async def test_after_an_error_the_interval_applies_too() -> None:
    endpoint = Endpoint()
    endpoint.down = True
    prewarming = Prewarming(endpoint.send, interval_s=60)
    with pytest.raises(LLMUnreachable):
        await prewarming.warm(asked(PROMPT))
    await prewarming.warm(asked(PROMPT))
    assert len(endpoint.requests) == 1


async def test_a_cancelled_request_is_sent_again_at_once() -> None:
    endpoint = Endpoint()
    endpoint.finish.clear()
    prewarming = Prewarming(endpoint.send, interval_s=60)
    first = asyncio.create_task(prewarming.warm(asked(PROMPT)))
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    endpoint.finish.set()
    await prewarming.warm(asked(PROMPT))
    assert len(endpoint.requests) == 2
