"""A server whose language model endpoint always answers the same, at a known speed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from clients.local_server import LocalServer, local_server
from tests.llm_server import LLMServer

REPLY = ("It", " is", " done", ".")


@asynccontextmanager
async def answering_server(
    flags: Sequence[str],
    first_token_s: float = 0.1,
    token_s: float = 0.0,
    tokens: Sequence[str] = REPLY,
) -> AsyncIterator[tuple[LocalServer, LLMServer]]:
    """`voicegw serve` with these options, and its endpoint, which writes a token `first_token_s` after a
    request and the others every `token_s`. Raises ClientError."""
    async with LLMServer(tokens=tokens, first_token_delay_s=first_token_s, token_delay_s=token_s) as llm:
        endpoint = ("--llm-url", llm.url, "--llm-model", "benchmark", "--log-level", "warning")
        async with local_server(*endpoint, *flags) as server:
            yield server, llm
