"""A completion's stream from its first event to its last, as the text in it comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from voicegw.errors import ReplyError
from voicegw.reply.completion import Completion
from voicegw.reply.llm_faults import Faults, Patience

if TYPE_CHECKING:
    from openai import AsyncStream

    class EventStream(AsyncStream[object]):
        """done: whether the endpoint has said that the stream is complete."""

        done: bool


_HOLD_S = 1.5  # how long text is held back that may turn out to be reasoning
Result = TypeVar("Result")


@cache
def event_stream() -> "type[EventStream]":
    """The library's stream, which tells as well whether it ended with [DONE], and reads over empty events."""
    import openai

    class Stream(openai.AsyncStream[object]):
        done = False

        async def _iter_events(self) -> AsyncIterator[Any]:
            async for event in super()._iter_events():
                self.done = self.done or event.data.startswith("[DONE]")
                if event.data.strip():
                    yield event

    return Stream  # type: ignore[return-value]


async def visible_text(
    stream: "EventStream", completion: Completion, patience: Patience, faults: Faults
) -> AsyncGenerator[str, None]:
    """What `completion` makes of the stream, as it comes. Raises the LLM errors after what was held back."""
    clock = asyncio.get_running_loop().time
    hold_until: float | None = None
    empty = True
    try:
        while True:
            coming = faults.next_chunk(stream, patience.deadline)
            if completion.in_doubt:
                hold_until = hold_until or clock() + _HOLD_S
                async with _running(coming) as task:
                    await asyncio.wait({task}, timeout=max(0.0, hold_until - clock()))
                    for piece in () if task.done() else completion.give_up():
                        yield piece
                    chunk = await task
            else:
                chunk = await coming
            if chunk is None:
                break
            empty = False
            if (choice := chunk.first) is None:
                continue
            if choice.alive:
                patience.receive_token(clock())
            for piece in completion.receive(choice):
                yield piece
        if empty and not stream.done:
            raise faults.fault("ended its stream before the first event")
    except ReplyError:
        for piece in completion.end(done=False):
            yield piece
        raise
    for piece in completion.end(done=stream.done):
        yield piece


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, Result]) -> "AsyncIterator[asyncio.Task[Result]]":
    """Does `work` in a task that does not outlive the block."""
    task = asyncio.create_task(work, name="next chunk")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
