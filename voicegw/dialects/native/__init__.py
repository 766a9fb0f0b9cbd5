"""The native dialect of `/v1/stream`: JSON text frames with a `type`, binary frames of audio.

Positions and times on the wire are integer milliseconds from the session's first sample; only
`next_sample` and `samples` count samples, at the client's own rate.
"""

# One statement for each module, not for each name.
# isort: skip_file
from voicegw.dialects.native.client_messages import (
    MAX_TEXT_CHARACTERS as MAX_TEXT_CHARACTERS,
    AckMessage as AckMessage,
    CancelMessage as CancelMessage,
    ClientMessage as ClientMessage,
    CommitMessage as CommitMessage,
    ConfigureMessage as ConfigureMessage,
    EndMessage as EndMessage,
    Inbound as Inbound,
    PlayedMessage as PlayedMessage,
    RefreshMessage as RefreshMessage,
    TextMessage as TextMessage,
)
from voicegw.dialects.native.codec import (
    check_audio as check_audio,
    decode as decode,
    encode as encode,
)
from voicegw.dialects.native.dialect import (
    PATH as PATH,
    SUBPROTOCOL as SUBPROTOCOL,
    NativeCodec as NativeCodec,
    NativeDialect as NativeDialect,
)
from voicegw.dialects.native.messages import (
    AckedMessage as AckedMessage,
    EndingMessage as EndingMessage,
    ErrorMessage as ErrorMessage,
    FinalMessage as FinalMessage,
    GoingAwayMessage as GoingAwayMessage,
    LatencyMessage as LatencyMessage,
    Milliseconds as Milliseconds,
    ModeratedMessage as ModeratedMessage,
    NoticeMessage as NoticeMessage,
    Outbound as Outbound,
    PartialMessage as PartialMessage,
    ReadyMessage as ReadyMessage,
    RefreshedMessage as RefreshedMessage,
    ReplyDeltaMessage as ReplyDeltaMessage,
    ReplyDoneMessage as ReplyDoneMessage,
    ReplyStartedMessage as ReplyStartedMessage,
    ServerMessage as ServerMessage,
    SpeechStartedMessage as SpeechStartedMessage,
    SpeechStoppedMessage as SpeechStoppedMessage,
    ToolCallMessage as ToolCallMessage,
    ToolProgressMessage as ToolProgressMessage,
    ToolResultMessage as ToolResultMessage,
    WordBlock as WordBlock,
    schema as schema,
)
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES as MAX_MESSAGE_BYTES
