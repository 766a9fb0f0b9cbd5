"""The port from a session to its connection."""

from typing import Protocol

from voicegw.dialects.port import Codec
from voicegw.errors import VoicegwError
from voicegw.gateway.limits.session_limiter import SessionLimiter


class Client(Protocol):
    """limiter: counts the use of the client. codec: of its connection."""

    @property
    def codec(self) -> Codec: ...

    @property
    def limiter(self) -> SessionLimiter: ...

    def end(self, error: VoicegwError | None) -> None:
        """Ends the connection. error: None for a requested end."""

    def probe(self) -> None:
        """Pings the client, whose audio has stopped during speech; the connection passes the answer to
        `SessionRunner.receive_probe_answer`."""
