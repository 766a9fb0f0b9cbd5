"""One exception tree: every way a session, a request or the start of the server can go wrong.

    VoicegwError
     +-- InputError                  the client's doing; costs the client only
     |    +-- MalformedMessage  UnknownMessageType  InvalidValue  WrongFrameKind  OddByteCount
     |    +-- InvalidState  TooManyErrors  MessageTooBig  AudioTooFast  IdleTimeout
     |    +-- NotFound  UnsupportedRate  UnsupportedFormat  UnsupportedReply  InvalidParameter
     +-- ServerError                 our doing; a client may try again
     |    +-- NotReady  AtCapacity  Draining  SlowConsumer  InternalError
     |    +-- RecognitionFailed
     +-- ReplyError                  the language model's doing; the session goes on
     |    +-- LLMUnreachable  LLMUnauthorized  LLMRateLimited  LLMRejected  LLMTimeout  LLMInterrupted
     +-- StartupError                the server cannot start: one line, exit status 1
          +-- ConfigurationError  ModelUnavailable  WorkerFailed

A class states the wire `code` (sent in the `error` event or the HTTP body), the WebSocket `close_code`
(None: the session goes on), the `http_status` when it refuses the upgrade, and whether the client may retry.
The first line of a docstring is its row in the README's error table, which `rows()` generates.
"""

from collections.abc import Iterator
from typing import ClassVar

RETRY_AFTER_MS = 1000


class VoicegwError(Exception):
    """Base of every error the project raises on purpose."""

    code: ClassVar[str] = "error"
    close_code: ClassVar[int | None] = None
    http_status: ClassVar[int | None] = None
    retryable: ClassVar[bool] = False

    @property
    def message(self) -> str:
        """What went wrong, in words meant for whoever runs the client."""
        return str(self) or (type(self).__doc__ or "").partition("\n")[0]


class InputError(VoicegwError):
    """Something the client sent or did not send."""


class MalformedMessage(InputError):
    """A text frame that is not a JSON object of the documented shape."""

    code = "malformed_message"


class UnknownMessageType(InputError):
    """A JSON message whose `type` the dialect does not know."""

    code = "unknown_type"


class InvalidValue(InputError):
    """A field of a message outside its range."""

    code = "invalid_value"


class WrongFrameKind(InputError):
    """A JSON message in a binary frame: binary frames carry audio, text frames carry JSON."""

    code = "wrong_frame_kind"


class OddByteCount(InputError):
    """A binary frame that does not hold whole samples; none of it is used."""

    code = "odd_byte_count"


class InvalidState(InputError):
    """A message that is not allowed now, such as audio after `end`."""

    code = "invalid_state"


class TooManyErrors(InputError):
    """More rejected messages than one connection may send."""

    code = "too_many_errors"
    close_code = 1008


class MessageTooBig(InputError):
    """A message over 64 KiB."""

    code = "message_too_big"
    close_code = 1009


class AudioTooFast(InputError):
    """Audio sent faster than real time, beyond a burst of 5 s."""

    code = "audio_too_fast"
    close_code = 1008


class IdleTimeout(InputError):
    """Nothing was heard from the client for the idle limit."""

    code = "idle_timeout"
    close_code = 1008


class NotFound(InputError):
    """The path is not one this server answers."""

    code = "not_found"
    http_status = 404


class UnsupportedRate(InputError):
    """`rate` is not 8000, 16000, 24000 or 48000."""

    code = "unsupported_rate"
    http_status = 400


class UnsupportedFormat(InputError):
    """`format` is not pcm_s16le, mulaw or alaw."""

    code = "unsupported_format"
    http_status = 400


class UnsupportedReply(InputError):
    """`reply` is not a kind of reply this server gives."""

    code = "unsupported_reply"
    http_status = 400


class InvalidParameter(InputError):
    """Another parameter of the URL is unknown or cannot be read."""

    code = "invalid_parameter"
    http_status = 400


class ServerError(VoicegwError):
    """The server's own trouble."""

    retryable = True


class NotReady(ServerError):
    """No recognition worker is warm yet."""

    code = "not_ready"
    http_status = 503


class AtCapacity(ServerError):
    """The server already holds as many sessions as it may."""

    code = "at_capacity"
    http_status = 503


class Draining(ServerError):
    """The server is shutting down; another one, or this one later, will answer."""

    code = "draining"
    close_code = 1012
    http_status = 503


class SlowConsumer(ServerError):
    """The client does not read what it is sent, beyond the bounds of its queue."""

    code = "slow_consumer"
    close_code = 1013


class InternalError(ServerError):
    """A fault of the server's own."""

    code = "internal_error"
    close_code = 1011


class RecognitionFailed(ServerError):
    """An utterance could not be decoded, after retries; its words are lost."""

    code = "recognition_failed"


class ReplyError(VoicegwError):
    """The language model gave no reply, or half of one."""


class LLMUnreachable(ReplyError):
    """The language model endpoint refused or dropped the connection."""

    code = "llm_unreachable"
    retryable = True


class LLMUnauthorized(ReplyError):
    """The language model endpoint did not accept the API key."""

    code = "llm_unauthorized"


class LLMRateLimited(ReplyError):
    """The language model endpoint is rate limiting this server."""

    code = "llm_rate_limited"
    retryable = True


class LLMRejected(ReplyError):
    """The language model endpoint answered with another error."""

    code = "llm_rejected"


class LLMTimeout(ReplyError):
    """The language model was too slow to connect, to begin or to finish."""

    code = "llm_timeout"
    retryable = True


class LLMInterrupted(ReplyError):
    """The language model's stream broke off before its end."""

    code = "llm_interrupted"
    retryable = True


class StartupError(VoicegwError):
    """The server cannot start."""

    code = "startup_failed"


class ConfigurationError(StartupError):
    """A flag, an environment variable or the configuration file is wrong."""

    code = "configuration_error"


class ModelUnavailable(StartupError):
    """The speech model can be neither loaded nor downloaded."""

    code = "model_unavailable"


class WorkerFailed(StartupError):
    """A recognition worker died, or did not become ready in time, at start."""

    code = "worker_failed"


def tree(root: type[VoicegwError] = VoicegwError) -> Iterator[type[VoicegwError]]:
    """Every error class below `root`, in the order they are declared, depth first."""
    for child in root.__subclasses__():
        yield child
        yield from tree(child)


def rows() -> list[str]:
    """The README's error table in Markdown: one row for each code a client can meet."""
    lines = ["| code | what it means | HTTP status | close code | retry |", "|---|---|---|---|---|"]
    for error in tree():
        if "code" in vars(error) and not issubclass(error, StartupError):
            meaning = (error.__doc__ or "").partition("\n")[0]
            status, close = error.http_status or "", error.close_code or ""
            lines.append(
                f"| `{error.code}` | {meaning} | {status} | {close} | {'yes' if error.retryable else 'no'} |"
            )
    return lines
