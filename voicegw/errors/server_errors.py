"""Errors of the server and between its processes, and errors that prevent its start."""

from voicegw.errors.base import VoicegwError


class ServerError(VoicegwError, retryable=True):
    """An error of the server."""


class NotReady(ServerError, code="not_ready", http_status=503):
    """No recognition worker is ready, Redis does not answer, or the model endpoint has not answered yet."""


class AtCapacity(ServerError, code="at_capacity", http_status=503):
    """The server is at its maximum number of sessions, or overloaded."""


class Draining(ServerError, code="draining", close_code=1012, http_status=503):
    """The server is shutting down; retry later, or with another server."""


class StoreUnavailable(ServerError, code="store_unavailable", http_status=503):
    """Redis does not answer, and the operation needs it."""


class SlowConsumer(ServerError, code="slow_consumer", close_code=1013):
    """The client reads too slowly: its queue is full, or a message could not be sent in time."""


class Unresponsive(ServerError, code="not_responding", close_code=1011):
    """The client sent neither a message nor an answer to a ping in time; the connection is closed."""


class InternalError(ServerError, code="internal_error", close_code=1011):
    """An internal error of the server."""


class RecognitionFailed(ServerError, code="recognition_failed"):
    """An utterance could not be decoded, after retries; its words are lost."""


class Moved(ServerError, code="session_moved", close_code=1012):
    """Another gateway holds this session now; the client can reconnect to resume it."""


class StartupError(VoicegwError, code="startup_failed"):
    """The server cannot start."""


class ConfigurationError(StartupError, code="configuration_error"):
    """A flag, an environment variable or the configuration file is invalid."""


class ModelUnavailable(StartupError, code="model_unavailable"):
    """The speech model can be neither loaded nor downloaded."""


class WorkerFailed(StartupError, code="worker_failed"):
    """A recognition worker died, or did not become ready in time, at start."""


class UndecodableMessage(VoicegwError, code="undecodable_message"):
    """Bytes from Redis or a pipe that are not a message of the expected type."""
