"""The native dialect of `/v1/stream`: JSON text frames with a `type`, binary frames of audio.

Positions and times on the wire are integer milliseconds from the session's first sample; only
`next_sample` and `samples` count samples, at the client's own rate. Every message is a msgspec struct, so
one declaration gives validation, encoding and the JSON Schema for client authors (`schema()`).
"""

from dataclasses import asdict
from typing import Annotated

import msgspec

from voicegw.core import events
from voicegw.core.audio import to_ms
from voicegw.errors import MalformedMessage, MessageTooBig, UnknownMessageType, WrongFrameKind

PATH = "/v1/stream"
SUBPROTOCOL = "voicegw.v1"
MAX_MESSAGE_BYTES = 64 * 1024
MAX_TEXT_CHARACTERS = 8_000

Milliseconds = Annotated[int, msgspec.Meta(ge=0, description="milliseconds from the session's first sample")]

# --- client to server ------------------------------------------------------------------------------------


class Inbound(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    """A JSON message from the client."""


class CommitMessage(Inbound, tag="commit"):
    """End the running utterance now, without waiting for silence."""


class CancelMessage(Inbound, tag="cancel"):
    """Stop the running reply."""


class TextMessage(Inbound, tag="text"):
    """A typed user message, answered like a spoken one."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]


class ConfigureMessage(Inbound, tag="configure"):
    """Change this session's knobs; what is left out stays as it is."""

    end_silence_ms: int | None = None
    max_utterance_ms: int | None = None
    partial_interval_ms: int | None = None
    reply: bool | None = None


class PlayedMessage(Inbound, tag="played"):
    """How much of the reply's audio has been played, in ms."""

    audio_ms: Annotated[int, msgspec.Meta(ge=0)]


class AckMessage(Inbound, tag="ack"):
    """The `seq` of the last event seen."""

    seq: Annotated[int, msgspec.Meta(ge=0)]


class EndMessage(Inbound, tag="end"):
    """Nothing more will be sent: settle the running utterance and its reply, then close."""


ClientMessage = (
    CommitMessage | CancelMessage | TextMessage | ConfigureMessage | PlayedMessage | AckMessage | EndMessage
)

# --- server to client ------------------------------------------------------------------------------------


class Outbound(msgspec.Struct, tag_field="type", kw_only=True):
    """A JSON message to the client; `seq` counts them from 1, without gaps."""

    seq: int


class ReadyMessage(Outbound, tag="ready"):
    session: str
    epoch: int
    resumed: bool
    next_sample: int
    limits: events.Limits


class SpeechStartedMessage(Outbound, tag="speech_started"):
    turn: int
    at_ms: Milliseconds


class PartialMessage(Outbound, tag="partial"):
    turn: int
    stable: str
    tentative: str
    audio_ms: Milliseconds


class SpeechStoppedMessage(Outbound, tag="speech_stopped"):
    turn: int
    at_ms: Milliseconds
    reason: events.EndReason


class WordBlock(msgspec.Struct):
    """One word of a final."""

    word: str
    start_ms: Milliseconds
    end_ms: Milliseconds
    probability: float


class FinalMessage(Outbound, tag="final"):
    turn: int
    text: str
    words: list[WordBlock]
    start_ms: Milliseconds
    end_ms: Milliseconds


class ReplyStartedMessage(Outbound, tag="reply_started"):
    turn: int


class ReplyDeltaMessage(Outbound, tag="reply_delta"):
    turn: int
    text: str


class ReplyDoneMessage(Outbound, tag="reply_done"):
    turn: int
    text: str
    reason: events.ReplyReason


class LatencyMessage(Outbound, tag="latency", omit_defaults=True):
    """ms; `endpoint`, `final`, `first_token` and `done` count from the end of speech."""

    turn: int
    endpoint_ms: int | None = None
    queue_ms: int | None = None
    decode_ms: int | None = None
    final_ms: int | None = None
    first_token_ms: int | None = None
    done_ms: int | None = None


class AckedMessage(Outbound, tag="ack"):
    samples: int


class GoingAwayMessage(Outbound, tag="going_away"):
    retry_after_ms: int


class ErrorMessage(Outbound, tag="error"):
    code: str
    message: str
    retryable: bool


ServerMessage = (
    ReadyMessage
    | SpeechStartedMessage
    | PartialMessage
    | SpeechStoppedMessage
    | FinalMessage
    | ReplyStartedMessage
    | ReplyDeltaMessage
    | ReplyDoneMessage
    | LatencyMessage
    | AckedMessage
    | GoingAwayMessage
    | ErrorMessage
)

# --- codec -----------------------------------------------------------------------------------------------

_decoder = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()


def decode(text: str) -> events.Command:
    """The command in a text frame. Raises MessageTooBig, MalformedMessage or UnknownMessageType."""
    _check_size(len(text.encode()))
    try:
        message = _decoder.decode(text)
    except msgspec.ValidationError as error:
        if str(error).endswith("`$.type`"):
            raise UnknownMessageType(str(error)) from error
        raise MalformedMessage(str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedMessage(f"{error}; text frames carry JSON, audio goes in binary frames") from error
    return _command(message)


def _command(message: ClientMessage) -> events.Command:
    match message:
        case CommitMessage():
            return events.Commit()
        case CancelMessage():
            return events.Cancel()
        case TextMessage(text):
            return events.TypeText(text)
        case ConfigureMessage():
            return events.Configure(**msgspec.structs.asdict(message))
        case PlayedMessage(audio_ms):
            return events.Played(audio_ms)
        case AckMessage(seq):
            return events.Acknowledge(seq)
        case EndMessage():
            return events.End()


def check_audio(data: bytes) -> None:
    """Raises MessageTooBig for an oversized binary frame and WrongFrameKind for JSON sent as one.

    PCM that starts and ends like a JSON message would be a freak of nature, so the check costs nobody.
    """
    _check_size(len(data))
    if data[:1] == b"{" and data[-1:] == b"}" and b'"type"' in data:
        raise WrongFrameKind("JSON in a binary frame; send it as text")


def _check_size(size: int) -> None:
    if size > MAX_MESSAGE_BYTES:
        raise MessageTooBig(f"{size} bytes; the limit is {MAX_MESSAGE_BYTES}")


def encode(event: events.Event, seq: int) -> bytes:
    """The event as the content of the text frame numbered `seq`."""
    return _encoder.encode(_message(event, seq))


def _message(event: events.Event, seq: int) -> ServerMessage:
    match event:
        case events.SessionReady(session, epoch, resumed, sample, limits):
            return ReadyMessage(
                seq=seq, session=session, epoch=epoch, resumed=resumed, next_sample=sample, limits=limits
            )
        case events.SpeechStarted(turn, at):
            return SpeechStartedMessage(seq=seq, turn=turn, at_ms=to_ms(at))
        case events.PartialTranscript(turn, stable, tentative, audio_end):
            return PartialMessage(
                seq=seq, turn=turn, stable=stable, tentative=tentative, audio_ms=to_ms(audio_end)
            )
        case events.SpeechStopped(turn, at, reason):
            return SpeechStoppedMessage(seq=seq, turn=turn, at_ms=to_ms(at), reason=reason)
        case events.FinalTranscript():
            return _final(event, seq)
        case events.ReplyStarted(turn):
            return ReplyStartedMessage(seq=seq, turn=turn)
        case events.ReplyDelta(turn, text):
            return ReplyDeltaMessage(seq=seq, turn=turn, text=text)
        case events.ReplyDone(turn, text, reply_reason):
            return ReplyDoneMessage(seq=seq, turn=turn, text=text, reason=reply_reason)
        case events.TurnLatency():
            return _latency(event, seq)
        case events.AudioAcknowledged(samples):
            return AckedMessage(seq=seq, samples=samples)
        case events.GoingAway(retry_after_ms):
            return GoingAwayMessage(seq=seq, retry_after_ms=retry_after_ms)
        case events.Fault(code, message, retryable):
            return ErrorMessage(seq=seq, code=code, message=message, retryable=retryable)


def _final(event: events.FinalTranscript, seq: int) -> FinalMessage:
    words = [
        WordBlock(word.text, to_ms(word.start), to_ms(word.end), round(word.probability, 3))
        for word in event.words
    ]
    return FinalMessage(
        seq=seq,
        turn=event.turn,
        text=event.text,
        words=words,
        start_ms=to_ms(event.start),
        end_ms=to_ms(event.end),
    )


def _latency(event: events.TurnLatency, seq: int) -> LatencyMessage:
    steps = {name: round(value) for name, value in asdict(event).items() if value is not None}
    return LatencyMessage(seq=seq, **steps)


def schema() -> dict[str, object]:
    """JSON Schema of every message, for client authors: `client` and `server` definitions."""
    (client, server), definitions = msgspec.json.schema_components([ClientMessage, ServerMessage])
    return {"client": client, "server": server, "$defs": definitions}
