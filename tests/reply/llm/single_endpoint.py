"""One responder and one real HTTP server as its endpoint, for tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from tests.llm_server import Answer, LLMServer
from tests.observing import asked, certain
from voicegw import errors
from voicegw.core.events import Message, ReplyPiece
from voicegw.core.responder import ModelUsage, Responder
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.reply.llm.prompt import DEFAULT_USER_MESSAGE

PROMPT = (Message("system", "Be brief."), Message("user", "Where is the secret kept?"))
KEY = "sk-4f9a"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def responder(url: str, **options: Any) -> AsyncIterator[LLMResponder]:
    llm = LLMResponder(LLMOptions(url=url, model="tiny", **options))
    try:
        yield llm
    finally:
        await llm.close()


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """The URL of a TCP server, for behaviour that no HTTP server has."""
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def reply(llm: Responder, prompt: Sequence[Message] = PROMPT) -> list[ReplyPiece]:
    async with aclosing(llm.respond(asked(prompt), certain())) as pieces:
        return [piece async for piece in pieces if not isinstance(piece, ModelUsage)]


def probed(body: dict[str, Any]) -> Answer | None:
    """The answer to the first request without a message of the user; None for other requests."""
    return Answer(["OK."]) if body["messages"][-1]["content"] == DEFAULT_USER_MESSAGE else None


async def failure(
    server: LLMServer, *, warm: bool = False, **options: Any
) -> tuple[list[ReplyPiece], errors.ReplyError]:
    """The pieces before the reply failed, and the error. warm: the endpoint has answered once, so no text is
    held back."""
    received: list[ReplyPiece] = []
    server.script = probed if warm else server.script
    async with (
        server,
        responder(server.url, **options) as llm,
    ):
        if warm:
            await llm.warm(asked(PROMPT[:1]))
        async with aclosing(llm.respond(asked(PROMPT), certain())) as pieces:
            try:
                async for piece in pieces:
                    received += () if isinstance(piece, ModelUsage) else (piece,)
            except errors.ReplyError as error:
                return received, error
    pytest.fail("the reply did not fail")
