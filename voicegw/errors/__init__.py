"""The exception tree: all errors of sessions, requests and the start of the server.

    VoicegwError
     +-- InputError                  caused by the client; affects the client only
     |    +-- MalformedMessage  UnknownMessageType  InvalidValue  WrongFrameKind  OddByteCount
     |    +-- AudioMisdeclared  InvalidState  NoReply  ReplyInProgress  NothingToCommit  UnknownItem
     |    +-- TooManyErrors  MessageTooBig  AudioTooFast  IdleTimeout
     |    +-- NotFound  UnsupportedRate  UnsupportedFormat  UnsupportedReply  InvalidParameter  OriginRefused
     |    +-- TokenMissing  TokenInvalid  TokenExpired  TokenUsed  SignatureInvalid  ScopeMissing
     |    +-- SessionTooLong  TakenOver
     |    +-- MethodRefused  RequestTooBig  InvalidRecording  RecordingTooLong  TokensNotIssued
     +-- LimitError                  a limit of the client; a later retry may succeed
     |    +-- RateLimited  TooManyConnections  LimitIgnored
     +-- ReplyError                  caused by the model or the voice; the session continues
     |    +-- LLMUnreachable  LLMUnauthorized  LLMRateLimited  LLMRejected  LLMBroken  LLMTimeout
     |    +-- LLMInterrupted  LLMUnavailable  LLMEmpty  LLMReasoningOnly  LLMTokenLimit  LLMFiltered
     |    +-- ToolFailed  TooManyToolCalls  ModerationFailed  VoiceFailed
     +-- ServerError                 caused by the server; the client may retry
     |    +-- NotReady  AtCapacity  Draining  StoreUnavailable  SlowConsumer  Unresponsive  InternalError
     |    +-- RecognitionFailed  Moved
     +-- StartupError                the server cannot start: one line of output, exit status 1
     |    +-- ConfigurationError  ModelUnavailable  WorkerFailed
     +-- UndecodableMessage          from another process of the installation; not sent to clients

A class states the wire `code` (sent in the `error` event or the HTTP body), the WebSocket `close_code`
(None: the session goes on), the `http_status` when it refuses the upgrade, and whether the client may retry;
an instance may know from when on (`retry_after_ms`), and what an endpoint said of it (`detail`, redacted, not
for clients). The first line of a docstring is its row in the error table (tests/error_table.py makes it).
"""

from voicegw.errors.base import (
    RETRY_AFTER_MS,
    VoicegwError,
)
from voicegw.errors.client_errors import (
    AudioMisdeclared,
    AudioTooFast,
    IdleTimeout,
    InputError,
    InvalidParameter,
    InvalidRecording,
    InvalidState,
    InvalidValue,
    LimitError,
    LimitIgnored,
    MalformedMessage,
    MessageTooBig,
    MethodRefused,
    NoReply,
    NotFound,
    NothingToCommit,
    OddByteCount,
    OriginRefused,
    RateLimited,
    RecordingTooLong,
    ReplyInProgress,
    RequestTooBig,
    ScopeMissing,
    SessionTooLong,
    SignatureInvalid,
    TakenOver,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    TokensNotIssued,
    TokenUsed,
    TooManyConnections,
    TooManyErrors,
    UnknownItem,
    UnknownMessageType,
    UnsupportedFormat,
    UnsupportedRate,
    UnsupportedReply,
    WrongFrameKind,
)
from voicegw.errors.reply_errors import (
    LLMBroken,
    LLMEmpty,
    LLMFiltered,
    LLMInterrupted,
    LLMRateLimited,
    LLMReasoningOnly,
    LLMRejected,
    LLMTimeout,
    LLMTokenLimit,
    LLMUnauthorized,
    LLMUnavailable,
    LLMUnreachable,
    ModerationFailed,
    ReplyError,
    ToolFailed,
    TooManyToolCalls,
    VoiceFailed,
)
from voicegw.errors.server_errors import (
    AtCapacity,
    ConfigurationError,
    Draining,
    InternalError,
    ModelUnavailable,
    Moved,
    NotReady,
    RecognitionFailed,
    ServerError,
    SlowConsumer,
    StartupError,
    StoreUnavailable,
    UndecodableMessage,
    Unresponsive,
    WorkerFailed,
)

__all__ = [
    "RETRY_AFTER_MS",
    "AtCapacity",
    "AudioMisdeclared",
    "AudioTooFast",
    "ConfigurationError",
    "Draining",
    "IdleTimeout",
    "InputError",
    "InternalError",
    "InvalidParameter",
    "InvalidRecording",
    "InvalidState",
    "InvalidValue",
    "LLMBroken",
    "LLMEmpty",
    "LLMFiltered",
    "LLMInterrupted",
    "LLMRateLimited",
    "LLMReasoningOnly",
    "LLMRejected",
    "LLMTimeout",
    "LLMTokenLimit",
    "LLMUnauthorized",
    "LLMUnavailable",
    "LLMUnreachable",
    "LimitError",
    "LimitIgnored",
    "MalformedMessage",
    "MessageTooBig",
    "MethodRefused",
    "ModelUnavailable",
    "ModerationFailed",
    "Moved",
    "NoReply",
    "NotFound",
    "NotReady",
    "NothingToCommit",
    "OddByteCount",
    "OriginRefused",
    "RateLimited",
    "RecognitionFailed",
    "RecordingTooLong",
    "ReplyError",
    "ReplyInProgress",
    "RequestTooBig",
    "ScopeMissing",
    "ServerError",
    "SessionTooLong",
    "SignatureInvalid",
    "SlowConsumer",
    "StartupError",
    "StoreUnavailable",
    "TakenOver",
    "TokenExpired",
    "TokenInvalid",
    "TokenMissing",
    "TokenUsed",
    "TokensNotIssued",
    "TooManyConnections",
    "TooManyErrors",
    "TooManyToolCalls",
    "ToolFailed",
    "UndecodableMessage",
    "UnknownItem",
    "UnknownMessageType",
    "Unresponsive",
    "UnsupportedFormat",
    "UnsupportedRate",
    "UnsupportedReply",
    "VoiceFailed",
    "VoicegwError",
    "WorkerFailed",
    "WrongFrameKind",
]
