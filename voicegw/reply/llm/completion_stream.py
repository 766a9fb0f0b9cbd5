"""A completion's stream from its first event to its last, as the text in it comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from voicegw.errors import ReplyError
from voicegw.reply.llm.chunks import Chunk
from voicegw.reply.llm.completion import Completion
from voicegw.reply.llm.endpoint_errors import Faults, Patience

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
    """What `completion` makes of the stream, as it comes: text, which is empty where there is reasoning to
    count. Raises the LLM errors, after the rest of a reply of which something was visible."""
    clock = asyncio.get_running_loop().time
    try:
        async with aclosing(_chunks(stream, completion, patience, faults)) as chunks:
            async for chunk in chunks:
                choice = None if chunk is None else chunk.first
                if choice is not None and choice.alive:
                    patience.receive_token(clock())
                if chunk is not None and chunk.usage is not None:
                    completion.tokens = chunk.tokens
                for piece in completion.give_up() if chunk is None else completion.receive(choice):
                    yield piece
                if completion.hides:
                    yield ""
    except ReplyError:
        for piece in completion.break_off():
            yield piece
        raise
    for piece in completion.end(done=stream.done):
        yield piece


async def _chunks(
    stream: "EventStream", completion: Completion, patience: Patience, faults: Faults
) -> AsyncGenerator[Chunk | None, None]:
    """The chunks, and None when text has been in doubt for so long that it is to be shown."""
    clock = asyncio.get_running_loop().time
    doubt_ends: float | None = None
    empty = True
    while True:
        coming = faults.next_chunk(stream, patience.deadline)
        if completion.in_doubt:
            doubt_ends = doubt_ends or clock() + _HOLD_S
            async with _running(coming) as task:
                await asyncio.wait({task}, timeout=max(0.0, doubt_ends - clock()))
                if not task.done():
                    yield None
                chunk = await task
        else:
            chunk = await coming
        if chunk is None:
            break
        empty = False
        yield chunk
    if empty and not stream.done:
        raise faults.fault("ended its stream before the first event")


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, Result]) -> "AsyncIterator[asyncio.Task[Result]]":
    """Does `work` in a task that does not outlive the block."""
    task = asyncio.create_task(work, name="next chunk")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
