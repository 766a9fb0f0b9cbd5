"""Listens for Wyoming clients."""

import asyncio

import structlog

from voicegw import __version__
from voicegw.core.speech_output import Voice
from voicegw.errors import StartupError
from voicegw.wyoming.connection import WyomingConnection
from voicegw.wyoming.event_reader import EventReader
from voicegw.wyoming.information import information
from voicegw.wyoming.options import WyomingOptions

log = structlog.get_logger(__name__)


class WyomingServer:
    """voice: speaks for clients; the caller closes it."""

    def __init__(self, options: WyomingOptions, voice: Voice | None) -> None:
        self._options = options
        self._voice = voice
        self._info = information(options, voice, __version__).event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listens; returns the address. Raises StartupError."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, self._options.host, self._options.port)
        except OSError as error:
            raise StartupError(f"cannot listen: {error.strerror or error}") from error
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"tcp://{host}:{port}"

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(EventReader(), self._accept)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, EventReader)
        if len(self._tasks) >= self._options.max_connections:
            log.warning("too many connections", limit=self._options.max_connections)
            writer.transport.abort()
            return
        connection = WyomingConnection(reader, writer, self._options, self._voice, self._info)
        task = asyncio.create_task(connection.run(), name="wyoming client")
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("connection failed", exc_info=error)

    async def stop(self) -> None:
        """Closes all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
