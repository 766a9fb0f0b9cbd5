"""The TLS handshake of one connection.

The servers of asyncio can do this themselves, but report a connection only when its handshake is finished, so
that unfinished ones could not be counted.
"""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable

_READ_BYTES = 8_192


class TlsUpgrade(asyncio.Protocol):
    """Upgrades a transport to TLS.

    on_success: called with the encrypted transport and the bytes received directly after the handshake.
    on_failure: called when the handshake fails.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        timeout_s: float,
        on_success: Callable[[asyncio.Transport, bytes], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._context = context
        self._timeout_s = timeout_s
        self._on_success = on_success
        self._on_failure = on_failure
        self._early = bytearray()
        self._task: asyncio.Task[None] | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """Starts the handshake on a new transport from which nothing has been read."""
        transport.pause_reading()
        transport.set_protocol(self)
        self._task = asyncio.get_running_loop().create_task(self._run(transport), name="tls")

    def data_received(self, data: bytes) -> None:
        """Buffers bytes that arrive directly after the handshake."""
        self._early += data

    async def _run(self, plain: asyncio.Transport) -> None:
        try:
            transport = await asyncio.get_running_loop().start_tls(
                plain, self, self._context, server_side=True, ssl_handshake_timeout=self._timeout_s
            )
        except OSError:  # ssl.SSLError included; the connection is closed
            transport = None
        if transport is None or transport.is_closing():  # lost meanwhile, which is reported nowhere else
            self._on_failure()
        else:
            self._on_success(transport, bytes(self._early))


def limit_buffers() -> None:
    """Reduces the read buffer of TLS connections from 256 KiB, several times the rest of a connection. This
    attribute of asyncio is the only way to set it, and applies to the whole process."""
    SSLProtocol.max_size = _READ_BYTES
