"""The TLS handshake of one connection.

asyncio's servers can do it by themselves, but tell of a connection only when it is over, so that nobody could
count those that are in the middle of it.
"""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable

_READ_BYTES = 8_192


class TlsUpgrade(asyncio.Protocol):
    """`secured` is called with the encrypted transport and what the client has sent right behind its
    handshake, which has to wait until then; `failed` when there is none."""

    def __init__(
        self,
        context: ssl.SSLContext,
        timeout_s: float,
        secured: Callable[[asyncio.Transport, bytes], None],
        failed: Callable[[], None],
    ) -> None:
        self._context = context
        self._timeout_s = timeout_s
        self._secured = secured
        self._failed = failed
        self._early = bytearray()
        self._task: asyncio.Task[None] | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """Takes a new connection, from which nothing has been read."""
        transport.pause_reading()
        transport.set_protocol(self)
        self._task = asyncio.get_running_loop().create_task(self._run(transport), name="tls")

    def data_received(self, data: bytes) -> None:
        """The handshake is over, and there is more."""
        self._early += data

    async def _run(self, plain: asyncio.Transport) -> None:
        try:
            transport = await asyncio.get_running_loop().start_tls(
                plain, self, self._context, server_side=True, ssl_handshake_timeout=self._timeout_s
            )
        except OSError:  # TLS's own errors are such, too; the connection is closed
            transport = None
        if transport is None or transport.is_closing():  # lost meanwhile, of which nobody else is told
            self._failed()
        else:
            self._secured(transport, bytes(self._early))


def limit_buffers() -> None:
    """asyncio has 256 KiB of zeros for every TLS connection to read into, several times what all else of one
    takes. This attribute is the only way to set it, and holds for the whole process."""
    SSLProtocol.max_size = _READ_BYTES
