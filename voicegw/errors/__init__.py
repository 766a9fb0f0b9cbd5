"""The exception tree: all errors of sessions, requests and the start of the server.

    VoicegwError
     +-- InputError                  caused by the client; affects the client only
     |    +-- MalformedMessage  UnknownMessageType  InvalidValue  WrongFrameKind  OddByteCount
     |    +-- AudioMisdeclared  InvalidState  NoReply  ReplyInProgress  NothingToCommit
     |    +-- UnknownItem             of OpenAI Realtime
     |    |    +-- NoItemToReferTo  NoItemToRetrieve  NoItemToDelete  NoItemToTruncate
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

# One statement for each module, not for each name.
# isort: skip_file
from voicegw.errors.base import (
    RETRY_AFTER_MS as RETRY_AFTER_MS,
    VoicegwError as VoicegwError,
)
from voicegw.errors.client_errors import (
    AudioMisdeclared as AudioMisdeclared,
    AudioTooFast as AudioTooFast,
    IdleTimeout as IdleTimeout,
    InputError as InputError,
    InvalidParameter as InvalidParameter,
    InvalidRecording as InvalidRecording,
    InvalidState as InvalidState,
    InvalidValue as InvalidValue,
    LimitError as LimitError,
    LimitIgnored as LimitIgnored,
    MalformedMessage as MalformedMessage,
    MessageTooBig as MessageTooBig,
    MethodRefused as MethodRefused,
    NoItemToDelete as NoItemToDelete,
    NoItemToReferTo as NoItemToReferTo,
    NoItemToRetrieve as NoItemToRetrieve,
    NoItemToTruncate as NoItemToTruncate,
    NoReply as NoReply,
    NotFound as NotFound,
    NothingToCommit as NothingToCommit,
    OddByteCount as OddByteCount,
    OriginRefused as OriginRefused,
    RateLimited as RateLimited,
    RecordingTooLong as RecordingTooLong,
    ReplyInProgress as ReplyInProgress,
    RequestTooBig as RequestTooBig,
    ScopeMissing as ScopeMissing,
    SessionTooLong as SessionTooLong,
    SignatureInvalid as SignatureInvalid,
    TakenOver as TakenOver,
    TokenExpired as TokenExpired,
    TokenInvalid as TokenInvalid,
    TokenMissing as TokenMissing,
    TokensNotIssued as TokensNotIssued,
    TokenUsed as TokenUsed,
    TooManyConnections as TooManyConnections,
    TooManyErrors as TooManyErrors,
    UnknownItem as UnknownItem,
    UnknownMessageType as UnknownMessageType,
    UnsupportedFormat as UnsupportedFormat,
    UnsupportedRate as UnsupportedRate,
    UnsupportedReply as UnsupportedReply,
    WrongFrameKind as WrongFrameKind,
)
from voicegw.errors.reply_errors import (
    LLMBroken as LLMBroken,
    LLMEmpty as LLMEmpty,
    LLMFiltered as LLMFiltered,
    LLMInterrupted as LLMInterrupted,
    LLMRateLimited as LLMRateLimited,
    LLMReasoningOnly as LLMReasoningOnly,
    LLMRejected as LLMRejected,
    LLMTimeout as LLMTimeout,
    LLMTokenLimit as LLMTokenLimit,
    LLMUnauthorized as LLMUnauthorized,
    LLMUnavailable as LLMUnavailable,
    LLMUnreachable as LLMUnreachable,
    ModerationFailed as ModerationFailed,
    ReplyError as ReplyError,
    ToolFailed as ToolFailed,
    TooManyToolCalls as TooManyToolCalls,
    VoiceFailed as VoiceFailed,
)
from voicegw.errors.server_errors import (
    AtCapacity as AtCapacity,
    ConfigurationError as ConfigurationError,
    Draining as Draining,
    InternalError as InternalError,
    ModelUnavailable as ModelUnavailable,
    Moved as Moved,
    NotReady as NotReady,
    RecognitionFailed as RecognitionFailed,
    ServerError as ServerError,
    SlowConsumer as SlowConsumer,
    StartupError as StartupError,
    StoreUnavailable as StoreUnavailable,
    UndecodableMessage as UndecodableMessage,
    Unresponsive as Unresponsive,
    WorkerFailed as WorkerFailed,
)
