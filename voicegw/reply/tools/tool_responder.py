"""A responder whose model may call tools: as long as it does, the calls are made and the model is asked again
with the answers, a bounded number of times.

No tool is called before the turn is certain. Calls of one round run side by side; each answer is handed on as
it comes. A call in the background is answered at once and goes to the background_calls.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

import msgspec

from voicegw.core.background_calls import AskedCall, BackgroundCalls
from voicegw.core.chat_history import reply_messages
from voicegw.core.events import Message, ReplyPiece, ToolAnswered, ToolCalled
from voicegw.core.responder import Confirmation, ModelUsage, ReplyRequest, Responder
from voicegw.errors import LLMEmpty, LLMReasoningOnly, ToolFailed, TooManyToolCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import Toolbox, failed


class ToolResponder:
    """`model` yields ToolCalled for what it wants called; calls over `max_calls` in a round are dropped."""

    def __init__(
        self,
        model: Responder,
        toolbox: Toolbox,
        background_calls: BackgroundCalls,
        options: ToolOptions,
    ) -> None:
        self.name = model.name
        self._model = model
        self._toolbox = toolbox
        self._background_calls = background_calls
        self._options = options

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply with its calls and answers. Raises the model's errors, or TooManyToolCalls."""
        prompt, gap = request.messages, False
        for rounds_left in reversed(range(self._options.max_rounds + 1)):
            said: list[ReplyPiece] = []
            calls: list[ToolCalled] = []
            try:
                async with aclosing(
                    self._model.respond(replace(request, messages=prompt), confirmed)
                ) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, ToolCalled):
                            calls.append(_with_own_id(piece, (*calls, *_calls(prompt))))
                            continue
                        if isinstance(piece, ModelUsage):
                            yield piece
                            continue
                        if gap and isinstance(piece, str):
                            yield " "  # what is said after a call is a new sentence
                            gap = False
                        said.append(piece)
                        yield piece
            except (LLMEmpty, LLMReasoningOnly):
                if not gap:
                    raise
                return  # nothing is left to say after what was said before the calls
            if not calls:
                return
            if not rounds_left:
                raise TooManyToolCalls
            await confirmed.wait()
            gap = gap or any(isinstance(piece, str) for piece in said)
            async with aclosing(self._round(calls[: self._options.max_calls], request)) as steps:
                async for step in steps:
                    said.append(step)
                    yield step
            prompt += tuple(reply_messages(said))

    async def _round(
        self, calls: Sequence[ToolCalled], request: ReplyRequest
    ) -> AsyncGenerator[ReplyPiece, None]:
        """Tells of every call, then of the answers as they come. Left early, the calls are cancelled."""
        for call in calls:
            yield call
        tasks = [asyncio.create_task(self._answer(call, request), name="tool call") for call in calls]
        try:
            for answer in asyncio.as_completed(tasks):
                yield await answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, wish: ToolCalled, request: ReplyRequest) -> ToolAnswered:
        call = AskedCall(wish.id, wish.name, wish.arguments, request.user, request.session)
        if request.tools is not None and call.name not in request.tools:
            refusal = failed(f"this session may not call {call.name}")
            return ToolAnswered(call.id, call.name, refusal.content, ok=False)
        if not self._toolbox.in_background(call.name):
            return await self._toolbox.call(call)
        try:
            self._toolbox.check(call)
            background_call = await self._background_calls.submit(call)
        except ToolFailed as failure:
            news = failed(failure.message)
            return ToolAnswered(call.id, call.name, news.content, ok=False)
        content = msgspec.json.encode(
            {"status": "accepted; the result comes later", "job": background_call}
        ).decode()
        return ToolAnswered(call.id, call.name, content, ok=True, background_call=background_call)

    async def prewarm(self, request: ReplyRequest) -> None:
        """Prewarms the model; never raises."""
        await self._model.prewarm(request)

    async def close(self) -> None:
        """Closes the model; tools and background calls belong to whoever made them."""
        await self._model.close()


def _calls(prompt: Sequence[Message]) -> Iterator[ToolCalled]:
    return (call for message in prompt for call in message.tool_calls)


def _with_own_id(call: ToolCalled, others: Sequence[ToolCalled]) -> ToolCalled:
    """Answers are told apart by the ids of their calls; some endpoints number them from 0 each time."""
    if call.id not in {other.id for other in others}:
        return call
    return msgspec.structs.replace(call, id=f"call_{secrets.token_hex(6)}")
