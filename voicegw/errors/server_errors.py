"""What went wrong in the server or between its processes, and what keeps it from starting."""

from voicegw.errors.base import VoicegwError


class ServerError(VoicegwError, retryable=True):
    """The server's own trouble."""


class NotReady(ServerError, code="not_ready", http_status=503):
    """No recognition worker is warm yet, Redis is away, or the model endpoint has not answered yet."""


class AtCapacity(ServerError, code="at_capacity", http_status=503):
    """The server already holds as many sessions as it may."""


class Draining(ServerError, code="draining", close_code=1012, http_status=503):
    """The server is shutting down; another one, or this one later, will answer."""


class StoreUnavailable(ServerError, code="store_unavailable", http_status=503):
    """Redis cannot be asked, and without it this cannot be decided."""


class SlowConsumer(ServerError, code="slow_consumer", close_code=1013):
    """The client does not read what it is sent, beyond the bounds of its queue."""


class Unresponsive(ServerError, code="not_responding", close_code=1011):
    """Neither a message nor an answer to a ping came for too long; the connection is given up."""


class InternalError(ServerError, code="internal_error", close_code=1011):
    """A fault of the server's own."""


class RecognitionFailed(ServerError, code="recognition_failed"):
    """An utterance could not be decoded, after retries; its words are lost."""


class Moved(ServerError, code="session_moved", close_code=1012):
    """Another gateway holds this session now; a client that comes back finds it."""


class StartupError(VoicegwError, code="startup_failed"):
    """The server cannot start."""


class ConfigurationError(StartupError, code="configuration_error"):
    """A flag, an environment variable or the configuration file is wrong."""


class ModelUnavailable(StartupError, code="model_unavailable"):
    """The speech model can be neither loaded nor downloaded."""


class WorkerFailed(StartupError, code="worker_failed"):
    """A recognition worker died, or did not become ready in time, at start."""


class UndecodableMessage(VoicegwError, code="undecodable_message"):
    """Bytes from Redis or a pipe that are no message of the expected type."""
