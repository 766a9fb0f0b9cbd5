"""Hundreds of sessions that open at once cost the endpoint one prewarming request."""

import asyncio
from contextlib import suppress

import pytest

from tests.observing import asked
from voicegw.core.dialogue import ReplyRequest
from voicegw.core.events import Message
from voicegw.errors import LLMUnreachable
from voicegw.reply.llm.prewarming import Prewarming

PROMPT = [Message("system", "Be brief.")]


class Endpoint:
    """Counts requests; they end when the gate is open, or fail."""

    def __init__(self) -> None:
        self.asked: list[ReplyRequest] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.down = False

    async def ask(self, request: ReplyRequest) -> None:
        self.asked.append(request)
        await self.gate.wait()
        if self.down:
            raise LLMUnreachable


async def test_many_at_once_are_one() -> None:
    endpoint = Endpoint()
    prewarming = Prewarming(endpoint.ask, again_s=60)
    await asyncio.gather(*(prewarming.warm(asked(PROMPT)) for _ in range(500)))
    assert endpoint.asked == [asked(PROMPT)]


async def test_another_prompt_is_another_matter() -> None:
    endpoint = Endpoint()
    prewarming = Prewarming(endpoint.ask, again_s=60)
    await prewarming.warm(asked(PROMPT))
    await prewarming.warm(asked([Message("system", "Rhyme.")]))
    assert len(endpoint.asked) == 2


async def test_a_moment_later_it_is_worth_it_again() -> None:
    endpoint = Endpoint()
    prewarming = Prewarming(endpoint.ask, again_s=0)
    await prewarming.warm(asked(PROMPT))
    await prewarming.warm(asked(PROMPT))
    assert len(endpoint.asked) == 2


async def test_an_endpoint_that_is_down_is_spared_too() -> None:
    endpoint = Endpoint()
    endpoint.down = True
    prewarming = Prewarming(endpoint.ask, again_s=60)
    with pytest.raises(LLMUnreachable):
        await prewarming.warm(asked(PROMPT))
    await prewarming.warm(asked(PROMPT))
    assert len(endpoint.asked) == 1


async def test_what_a_session_gives_up_the_next_one_does() -> None:
    endpoint = Endpoint()
    endpoint.gate.clear()
    prewarming = Prewarming(endpoint.ask, again_s=60)
    first = asyncio.create_task(prewarming.warm(asked(PROMPT)))
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    endpoint.gate.set()
    await prewarming.warm(asked(PROMPT))
    assert len(endpoint.asked) == 2
