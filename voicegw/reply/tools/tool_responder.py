"""A responder whose model may call tools. After each round of calls the model gets a request with the
results; the number of rounds is limited.

No tool is called before the turn is confirmed. The calls of one round run concurrently, and each result is
passed on when it arrives. A background call is answered at once, and then runs in the background.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

import msgspec

from voicegw.core.background_calls import AskedCall, BackgroundCalls
from voicegw.core.chat_history import reply_messages
from voicegw.core.messages import ClientToolCalled, Message, ReplyPiece, ToolAnswered, ToolCalled
from voicegw.core.responder import Confirmation, ModelUsage, ReplyRequest, Responder
from voicegw.errors import LLMEmpty, LLMReasoningOnly, ToolFailed, TooManyToolCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import Toolbox, failed_result


class ToolResponder:
    """`model` yields a ToolCalled for each call that it requests; calls beyond `max_calls` in a round are
    dropped."""

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
        """The reply with its tool calls and their results. Raises the model's errors, or TooManyToolCalls."""
        prompt, after_calls = request.messages, False
        for rounds_left in reversed(range(self._options.max_rounds + 1)):
            pieces_so_far: list[ReplyPiece] = []
            calls: list[ToolCalled] = []
            try:
                async with aclosing(
                    self._model.respond(replace(request, messages=prompt), confirmed)
                ) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, ToolCalled):
                            calls.append(_with_unique_id(piece, (*calls, *_calls(prompt))))
                            continue
                        if isinstance(piece, ModelUsage):
                            yield piece
                            continue
                        if after_calls and isinstance(piece, str):
                            yield " "  # text after a call begins a new sentence
                            after_calls = False
                        pieces_so_far.append(piece)
                        yield piece
            except (LLMEmpty, LLMReasoningOnly):
                if not after_calls:
                    raise
                return  # the text before the calls was the whole reply
            if not calls:
                return
            if not rounds_left:
                raise TooManyToolCalls
            await confirmed.wait()
            after_calls = after_calls or any(isinstance(piece, str) for piece in pieces_so_far)
            async with aclosing(self._round(calls[: self._options.max_calls], request)) as steps:
                async for step in steps:
                    pieces_so_far.append(step)
                    yield step
            if any(isinstance(piece, ClientToolCalled) for piece in pieces_so_far):
                return  # the client gives the results, and asks for the next reply
            prompt += tuple(reply_messages(pieces_so_far))

    async def _round(
        self, calls: Sequence[ToolCalled], request: ReplyRequest
    ) -> AsyncGenerator[ReplyPiece, None]:
        """Yields every call, and then the results of the server's tools when they arrive. Closing the
        generator cancels the calls."""
        own = {tool.name for tool in request.parameters.tools}
        for call in calls:
            theirs = ClientToolCalled(call.id, call.name, call.arguments, extra=call.extra)
            yield theirs if call.name in own else call
        ours = [call for call in calls if call.name not in own]
        tasks = [asyncio.create_task(self._answer(call, request), name="tool call") for call in ours]
        try:
            for answer in asyncio.as_completed(tasks):
                yield await answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, requested: ToolCalled, request: ReplyRequest) -> ToolAnswered:
        call = AskedCall(requested.id, requested.name, requested.arguments, request.user, request.session)
        if request.tools is not None and call.name not in request.tools:
            refusal = failed_result(f"this session may not call {call.name}")
            return ToolAnswered(call.id, call.name, refusal.content, ok=False)
        if not self._toolbox.in_background(call.name):
            return await self._toolbox.call(call)
        try:
            self._toolbox.check(call)
            background_call = await self._background_calls.submit(call)
        except ToolFailed as failure:
            return ToolAnswered(call.id, call.name, failed_result(failure.message).content, ok=False)
        content = msgspec.json.encode(
            {"status": "accepted; the result comes later", "job": background_call}
        ).decode()
        return ToolAnswered(call.id, call.name, content, ok=True, background_call=background_call)

    async def prewarm(self, request: ReplyRequest) -> None:
        """Prewarms the model; never raises."""
        await self._model.prewarm(request)

    async def close(self) -> None:
        """Closes the model's responder; the creator of the tools and the background calls closes those."""
        await self._model.close()


def _calls(prompt: Sequence[Message]) -> Iterator[ToolCalled]:
    return (call for message in prompt for call in message.tool_calls)


def _with_unique_id(call: ToolCalled, others: Sequence[ToolCalled]) -> ToolCalled:
    """The call with an id that no other call has: some endpoints number the calls of each reply from 0."""
    if call.id not in {other.id for other in others}:
        return call
    return msgspec.structs.replace(call, id=f"call_{secrets.token_hex(6)}")
