"""One exception tree: every way a session, a request or the start of the server can go wrong.

    VoicegwError
     +-- InputError                  the client's doing; costs the client only
     |    +-- MalformedMessage  UnknownMessageType  InvalidValue  WrongFrameKind  OddByteCount
     |    +-- AudioMisdeclared  InvalidState  TooManyErrors  MessageTooBig  AudioTooFast  IdleTimeout
     |    +-- NotFound  UnsupportedRate  UnsupportedFormat  UnsupportedReply  InvalidParameter  OriginRefused
     |    +-- TokenMissing  TokenInvalid  TokenExpired  TokenUsed  ScopeMissing  SessionTooLong  TakenOver
     +-- LimitError                  more than a client's share; later it may
     |    +-- RateLimited  TooManyConnections  LimitIgnored
     +-- ServerError                 our doing; a client may try again
     |    +-- NotReady  AtCapacity  Draining  StoreUnavailable  SlowConsumer  Unresponsive  InternalError
     |    +-- RecognitionFailed  Moved
     +-- ReplyError                  the model's or the voice's doing; the session goes on
     |    +-- LLMUnreachable  LLMUnauthorized  LLMRateLimited  LLMRejected  LLMBroken  LLMTimeout
     |    +-- LLMInterrupted  LLMUnavailable  LLMEmpty  LLMReasoningOnly  LLMTokenLimit  LLMFiltered
     |    +-- ToolFailed  TooManyToolCalls  ModerationFailed  VoiceFailed
     +-- StartupError                the server cannot start: one line, exit status 1
          +-- ConfigurationError  ModelUnavailable  WorkerFailed

A class states the wire `code` (sent in the `error` event or the HTTP body), the WebSocket `close_code`
(None: the session goes on), the `http_status` when it refuses the upgrade, and whether the client may retry;
an instance may know from when on (`retry_after_ms`), and what an endpoint said of it (`detail`, redacted, not
for clients). The first line of a docstring is its row in the error table (tests/error_table.py makes it).
"""

from typing import ClassVar

RETRY_AFTER_MS = 1000


class VoicegwError(Exception):
    """Base of every error the project raises on purpose."""

    code: ClassVar[str] = "error"
    close_code: ClassVar[int | None] = None
    http_status: ClassVar[int | None] = None
    retryable: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        code: str | None = None,
        close_code: int | None = None,
        http_status: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        """What a class does not state it has from its parent."""
        stated = {"code": code, "close_code": close_code, "http_status": http_status, "retryable": retryable}
        for name in (name for name, value in stated.items() if value is not None):
            setattr(cls, name, stated[name])

    def __init__(self, message: str = "", *, retry_after_ms: int | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
        self.detail = detail

    @property
    def message(self) -> str:
        """What went wrong, in words meant for whoever runs the client."""
        return str(self) or (type(self).__doc__ or "").partition("\n")[0]


class InputError(VoicegwError):
    """Something the client sent or did not send."""


class MalformedMessage(InputError, code="malformed_message"):
    """A text frame that is no JSON object, or with a field missing, unknown, or of a wrong type or value."""


class UnknownMessageType(InputError, code="unknown_type"):
    """A JSON message whose `type` the dialect does not know."""


class InvalidValue(InputError, code="invalid_value"):
    """A value in `configure` outside its bounds."""


class WrongFrameKind(InputError, code="wrong_frame_kind"):
    """A JSON message in a binary frame: binary frames carry audio, text frames carry JSON."""


class OddByteCount(InputError, code="odd_byte_count"):
    """A binary frame that does not hold whole samples; none of it is used."""


class AudioMisdeclared(InputError, code="audio_misdeclared"):
    """Audio that hardly is in the format that was declared; a guess, told once, and the session goes on."""


class InvalidState(InputError, code="invalid_state"):
    """A message that is not allowed now, such as audio after `end`."""


class TooManyErrors(InputError, code="too_many_errors", close_code=1008):
    """More rejected messages than one connection may send."""


class MessageTooBig(InputError, code="message_too_big", close_code=1009):
    """A message over 64 KiB."""


class AudioTooFast(InputError, code="audio_too_fast", close_code=1008):
    """Audio sent faster than real time, beyond a burst of 5 s."""


class IdleTimeout(InputError, code="idle_timeout", close_code=1008):
    """No message went either way for the idle limit."""


class NotFound(InputError, code="not_found", http_status=404):
    """The path is not one this server answers."""


class UnsupportedRate(InputError, code="unsupported_rate", http_status=400):
    """`rate` is not 8000, 16000, 24000 or 48000."""


class UnsupportedFormat(InputError, code="unsupported_format", http_status=400):
    """`format` is not pcm_s16le, mulaw or alaw."""


class UnsupportedReply(InputError, code="unsupported_reply", http_status=400):
    """`reply` is not a kind of reply this server gives."""


class InvalidParameter(InputError, code="invalid_parameter", http_status=400):
    """Another parameter of the URL is unknown or cannot be read."""


class OriginRefused(InputError, code="origin_refused", http_status=403):
    """Web pages from this origin may not connect."""


class TokenMissing(InputError, code="token_missing", http_status=401):
    """This server asks for a token: `Authorization: Bearer`, or the subprotocol `bearer.<token>`."""


class TokenInvalid(InputError, code="token_invalid", http_status=401):
    """The token is forged, not valid yet, for another audience, or lacks something."""


class TokenExpired(InputError, code="token_expired", close_code=1008, http_status=401):
    """The token has expired, or the session's time is up and it was given no new one (`refresh`)."""


class TokenUsed(InputError, code="token_used", http_status=401):
    """The token works once, and was used before."""


class ScopeMissing(InputError, code="scope_missing", http_status=403):
    """The token does not allow this."""


class SessionTooLong(InputError, code="session_too_long", close_code=1008):
    """The session has reached the greatest length; a new one may be opened."""


class TakenOver(InputError, code="taken_over", close_code=4001):
    """Another connection has resumed this session; the older one is closed."""


class LimitError(VoicegwError, retryable=True):
    """More than a client's share."""


class RateLimited(LimitError, code="rate_limited", http_status=429):
    """More connections, audio, messages or model tokens than allowed in the time; not used, not answered."""


class TooManyConnections(LimitError, code="too_many_connections", http_status=429):
    """This user or this address has as many connections open as it may."""


class LimitIgnored(LimitError, code="limit_ignored", close_code=1008):
    """The client went on sending although it was told that it is over a limit."""


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


class ReplyError(VoicegwError):
    """The language model gave no reply, or half of one."""


class LLMUnreachable(ReplyError, code="llm_unreachable", retryable=True):
    """The language model endpoint refused or dropped the connection."""


class LLMUnauthorized(ReplyError, code="llm_unauthorized"):
    """The language model endpoint did not accept the API key."""


class LLMRateLimited(ReplyError, code="llm_rate_limited", retryable=True):
    """The language model endpoint is rate limiting this server."""


class LLMRejected(ReplyError, code="llm_rejected"):
    """The language model endpoint did not accept the request."""


class LLMBroken(ReplyError, code="llm_broken", retryable=True):
    """The language model endpoint had a fault of its own, or streamed something unreadable."""


class LLMTimeout(ReplyError, code="llm_timeout", retryable=True):
    """The language model was too slow to connect, to begin or to finish."""


class LLMInterrupted(ReplyError, code="llm_interrupted", retryable=True):
    """The language model's stream broke off before its end."""


class LLMUnavailable(ReplyError, code="llm_unavailable", retryable=True):
    """The language model endpoint has kept failing and is left alone for a while."""


class LLMEmpty(ReplyError, code="llm_empty", retryable=True):
    """The language model ended its reply without a word."""


class LLMReasoningOnly(ReplyError, code="llm_reasoning_only", retryable=True):
    """The language model reasoned, and ended its reply without an answer."""


class LLMTokenLimit(ReplyError, code="llm_token_limit"):
    """The language model reached the token limit before its answer; in a `notice`, before its end."""


class LLMFiltered(ReplyError, code="llm_filtered"):
    """The language model endpoint's content filter stopped the reply."""


class ToolFailed(ReplyError, code="tool_failed"):
    """A tool gave no result; the model is told why, and the reply goes on."""


class TooManyToolCalls(ReplyError, code="too_many_tool_calls"):
    """The language model went on calling tools instead of answering."""


class ModerationFailed(ReplyError, code="moderation_failed", retryable=True):
    """The moderation service did not answer; the conversation goes on unjudged."""


class VoiceFailed(ReplyError, code="voice_failed", retryable=True):
    """The voice could not say a sentence, and why; the reply ends with what was heard before it."""


class StartupError(VoicegwError, code="startup_failed"):
    """The server cannot start."""


class ConfigurationError(StartupError, code="configuration_error"):
    """A flag, an environment variable or the configuration file is wrong."""


class ModelUnavailable(StartupError, code="model_unavailable"):
    """The speech model can be neither loaded nor downloaded."""


class WorkerFailed(StartupError, code="worker_failed"):
    """A recognition worker died, or did not become ready in time, at start."""
