"""The connection as the session that is attached to it sees it."""

from typing import Protocol

from voicegw.errors import VoicegwError
from voicegw.gateway.limits.session_limiter import SessionLimiter


class Client(Protocol):
    """limiter: counts what the client uses."""

    @property
    def limiter(self) -> SessionLimiter: ...

    def leave(self, error: VoicegwError | None) -> None:
        """Ends the connection; None when that was asked for."""

    def check_alive(self) -> None:
        """Asks the client, whose audio has stopped in mid-word, for a sign (`SessionRunner.receive_sign`)."""
