"""The errors of clients, each with a message written for the user at the terminal.

ClientError
 +-- Unreachable      no server answered at the URL
 +-- Refused          the server answered and refused the connection, with a reason
 +-- ConnectionLost   the connection ended, or fell silent, before the session was finished
 +-- ProtocolError    the server sent a message that the native dialect does not define
 +-- AudioError       a sound file or the microphone cannot be used
 +-- ServerFailed     a local server did not start
"""

from typing import Self

from websockets.exceptions import ConnectionClosed


class ClientError(Exception):
    """Base of all errors that the clients raise."""


class Unreachable(ClientError):
    """No server answered at the URL in time."""


class Refused(ClientError):
    """The server refused the connection.

    status: the HTTP status, or 0 when the refusal came after the upgrade.
    code: the server's error code, as in voicegw.errors; "http" when it gave none.
    retry_after_ms: when trying again makes sense; None when it does not, or the server did not say.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retryable: bool, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(f"the server refused: {code}: {message}")
        self.status = status
        self.code = code
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms


class ConnectionLost(ClientError):
    """The connection ended before the session was finished.

    close_code: the WebSocket close code; 1006 when there was no closing handshake.
    """

    def __init__(self, message: str, *, close_code: int = 1006) -> None:
        super().__init__(message)
        self.close_code = close_code

    @classmethod
    def of(cls, closed: ConnectionClosed) -> Self:
        """The error for a closed connection, with the close code and reason."""
        frame = closed.rcvd or closed.sent
        if frame is None:
            return cls("the connection broke")
        reason = f": {frame.reason}" if frame.reason else ""
        return cls(f"the server closed the connection ({frame.code}{reason})", close_code=frame.code)


class ProtocolError(ClientError):
    """The server sent a message that the native dialect does not define."""


class AudioError(ClientError):
    """A sound file cannot be read, or the microphone cannot be used."""


class ServerFailed(ClientError):
    """A local server exited, or was not ready in time."""


class Incomplete(ClientError):
    """Not every turn was recognised and answered."""
