"""Limits the answers of MCP servers by HTTP while they are read. Its import loads the HTTP library."""

from collections.abc import AsyncIterator

import httpx2

from voicegw.errors import ToolFailed


class _LimitedBody(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._body = body
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in self._body:
            length += len(chunk)
            if length > self._max_bytes:
                raise ToolFailed(f"it sent an answer of over {self._max_bytes} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


def limit_answers(client: httpx2.AsyncClient, max_bytes: int) -> None:
    """Answers of more bytes than this fail while they are read; not the stream of a server's own messages,
    which is the answer to a GET and has no end. Answers are not compressed, since a small one could expand to
    any size: a server that compresses one nevertheless fails."""

    async def limit(response: httpx2.Response) -> None:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise ToolFailed("it sent a compressed answer, which it was not asked for")
        if response.request.method == "POST":
            assert isinstance(response.stream, httpx2.AsyncByteStream), "of an asynchronous client"
            response.stream = _LimitedBody(response.stream, max_bytes)

    client.headers["Accept-Encoding"] = "identity"
    client.event_hooks = {"response": [limit]}
