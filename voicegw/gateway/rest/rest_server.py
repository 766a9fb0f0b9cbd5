"""Serves the connections of the REST API: each has one task, and one request.

They come from the port of the WebSockets, where `gateway/http/request_line.py` tells them apart.
"""

import asyncio
from collections.abc import Callable

import structlog

from voicegw.errors import VoicegwError
from voicegw.gateway.rest.http_exchange import HttpExchange
from voicegw.gateway.rest.rest_handler import RestHandler, is_rest

log = structlog.get_logger(__name__)

_READ_AHEAD_BYTES = 65_536


class RestServer:
    """prefix: of all paths. head_s: time for the head of a request to arrive."""

    def __init__(self, handler: RestHandler, prefix: str, head_s: float) -> None:
        self._handler = handler
        self._prefix = prefix
        self._head_s = head_s
        self._tasks: set[asyncio.Task[None]] = set()

    def serves(self, path: str) -> bool:
        """See `request_line.RestServer`."""
        return path.startswith(f"{self._prefix}/") and is_rest(path.removeprefix(self._prefix))

    def accept(
        self, transport: asyncio.Transport, received: bytes, peer: str, finish_handshake: Callable[[], None]
    ) -> None:
        """See `request_line.RestServer`."""
        reader = asyncio.StreamReader(limit=_READ_AHEAD_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        reader.feed_data(received)
        writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        work = self._serve(HttpExchange(reader, writer), transport, peer, finish_handshake)
        task = asyncio.create_task(work, name="rest")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, timeout_s: float) -> None:
        """Waits until all requests have been answered, for a limited time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def stop(self) -> None:
        """Cancels the requests."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(
        self,
        exchange: HttpExchange,
        transport: asyncio.Transport,
        peer: str,
        finish_handshake: Callable[[], None],
    ) -> None:
        try:
            received = await self._receive(exchange, peer)
            finish_handshake()
            if received:
                descriptor = int(transport.get_extra_info("socket").fileno())
                await exchange.until_gone(self._handler.answer(exchange, peer, descriptor))
        except (OSError, TimeoutError) as error:
            log.debug("a client of the REST API has left", reason=type(error).__name__)
        finally:
            finish_handshake()
            await exchange.close()

    async def _receive(self, exchange: HttpExchange, peer: str) -> bool:
        """Receives the head of the request; False when there is none, or it is refused. Raises OSError and
        TimeoutError."""
        try:
            async with asyncio.timeout(self._head_s):
                return await exchange.receive()
        except VoicegwError as error:  # the head is not HTTP
            await self._handler.refuse(exchange, peer, error)
            return False
