"""Reads the event stream of a completion and yields its visible text as it arrives."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from voicegw.errors import ReplyError
from voicegw.reply.llm.chunks import Chunk
from voicegw.reply.llm.completion import Completion
from voicegw.reply.llm.deadlines import ReplyDeadlines
from voicegw.reply.llm.endpoint_errors import EndpointErrors

if TYPE_CHECKING:
    from openai import AsyncStream

    class EventStream(AsyncStream[object]):
        """done: whether the endpoint has sent [DONE], the end of a complete stream."""

        done: bool


_MAX_HOLD_S = 1.5  # how long text is held back that may turn out to be reasoning
Result = TypeVar("Result")


@cache
def event_stream() -> "type[EventStream]":
    """The library's stream class, which in addition records whether [DONE] came, and skips empty events."""
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
    stream: "EventStream", completion: Completion, deadlines: ReplyDeadlines, errors: EndpointErrors
) -> AsyncGenerator[str, None]:
    """The visible text, piece by piece; a piece is empty when there is only reasoning to count. Raises the
    LLM errors. When some text was visible before an error, the text that is held back is yielded first."""
    clock = asyncio.get_running_loop().time
    try:
        async with aclosing(_chunks(stream, completion, deadlines, errors)) as chunks:
            async for chunk in chunks:
                choice = None if chunk is None else chunk.first
                if choice is not None and choice.has_content:
                    deadlines.receive_token(clock())
                if chunk is not None and chunk.usage is not None:
                    completion.tokens, completion.written = chunk.tokens
                for piece in completion.release() if chunk is None else completion.receive(choice):
                    yield piece
                if completion.has_reasoning_to_count:
                    yield ""
    except ReplyError:
        for piece in completion.abort():
            yield piece
        raise
    for piece in completion.end(done=stream.done):
        yield piece


async def _chunks(
    stream: "EventStream", completion: Completion, deadlines: ReplyDeadlines, errors: EndpointErrors
) -> AsyncGenerator[Chunk | None, None]:
    """The chunks, and None each time that text has been held back for the longest time allowed."""
    clock = asyncio.get_running_loop().time
    hold_ends_s: float | None = None
    empty = True
    while True:
        next_chunk = errors.next_chunk(stream, deadlines.current)
        if completion.uncertain:
            hold_ends_s = hold_ends_s or clock() + _MAX_HOLD_S
            async with _running(next_chunk) as task:
                await asyncio.wait({task}, timeout=max(0.0, hold_ends_s - clock()))
                if not task.done():
                    yield None
                chunk = await task
        else:
            chunk = await next_chunk
        if chunk is None:
            break
        empty = False
        yield chunk
    if empty and not stream.done:
        raise errors.broken("ended its stream before the first event")


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, Result]) -> "AsyncIterator[asyncio.Task[Result]]":
    """Runs `work` in a task, which ends with the block."""
    task = asyncio.create_task(work, name="next chunk")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
