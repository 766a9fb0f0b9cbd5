"""Decodes frames of the native dialect to commands, and encodes events to frames."""

import re
from typing import Any, assert_never

import msgspec

from voicegw.core import commands, events
from voicegw.core.audio import to_ms
from voicegw.dialects.native import client_messages, messages
from voicegw.dialects.text_messages import check_size
from voicegw.errors import MalformedMessage, UnknownMessageType, WrongFrameKind

_MAX_ERROR_CHARACTERS = 200  # longest description of an error

_LifecycleEvent = events.GoingAway | events.Ending | events.Refreshed | events.Fault

_decoder = msgspec.json.Decoder(client_messages.ClientMessage)
_encoder = msgspec.json.Encoder()


def decode(text: str) -> commands.Command:
    """The command in a text frame. Raises MessageTooBig, MalformedMessage or UnknownMessageType."""
    check_size(text)
    try:
        message = _decoder.decode(text)
    except msgspec.ValidationError as error:
        if str(error).endswith("`$.type`"):
            raise UnknownMessageType(_shortened(str(error))) from error
        reason = re.sub("matching regex '.*'", "with a visible character", str(error))
        raise MalformedMessage(_shortened(reason)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedMessage(f"{error}; text frames must contain JSON, binary frames audio") from error
    return _command(message)


def _shortened(text: str) -> str:
    """Shortens an error description, which may quote names and values of any length."""
    half = _MAX_ERROR_CHARACTERS // 2
    return text if len(text) <= _MAX_ERROR_CHARACTERS else f"{text[:half]}...{text[-half:]}"


def _command(message: client_messages.ClientMessage) -> commands.Command:
    match message:
        case client_messages.CommitMessage():
            return commands.Commit()
        case client_messages.CancelMessage():
            return commands.Cancel()
        case client_messages.TextMessage(text):
            return commands.TypeText(text)
        case client_messages.ConfigureMessage():
            return _configure(message)
        case client_messages.PlayedMessage(audio_ms, turn):
            return commands.Played(audio_ms, turn, received_only=True)
        case client_messages.AckMessage(seq):
            return commands.Acknowledge(seq)
        case client_messages.RefreshMessage(token):
            return commands.Refresh(token)
        case client_messages.EndMessage():
            return commands.End()
        case _:
            assert_never(message)


def _configure(message: client_messages.ConfigureMessage) -> commands.Configure:
    settings = msgspec.structs.asdict(message)
    if isinstance(message.reply, bool):
        settings["reply"] = commands.ReplyMode.TEXT if message.reply else commands.ReplyMode.NONE
    return commands.Configure(**settings)


def check_audio(data: bytes) -> None:
    """Raises MessageTooBig for an oversized binary frame, and WrongFrameKind for a binary frame with JSON.

    Audio that begins, ends and contains the same bytes as a JSON message is practically impossible.
    """
    check_size(data)
    if data[:1] == b"{" and data[-1:] == b"}" and b'"type"' in data:
        raise WrongFrameKind("JSON in a binary frame; send it as text")


def encode(event: events.Event, seq: int) -> bytes:
    """The event as the content of the text frame numbered `seq`."""
    return _encoder.encode(_message(event, seq))


def _message(event: events.Event, seq: int) -> messages.ServerMessage:
    match event:
        case events.SessionReady():
            return _ready(event, seq)
        case events.SpeechStarted(turn, at):
            return messages.SpeechStartedMessage(seq=seq, turn=turn, at_ms=to_ms(at))
        case events.PartialTranscript(turn, stable, tentative, audio_end, joined):
            return messages.PartialMessage(
                seq=seq,
                turn=turn,
                stable=stable,
                tentative=tentative,
                audio_ms=to_ms(audio_end),
                joined=joined,
            )
        case events.SpeechStopped(turn, at, reason):
            return messages.SpeechStoppedMessage(seq=seq, turn=turn, at_ms=to_ms(at), reason=reason)
        case events.FinalTranscript():
            return _final(event, seq)
        case events.TurnLatency():
            return _latency(event, seq)
        case events.AudioAcknowledged(samples, taken):
            return messages.AckedMessage(seq=seq, samples=samples, messages=taken)
        case events.Relayed():
            raise AssertionError("this codec relays nothing")
        case events.GoingAway() | events.Ending() | events.Refreshed() | events.Fault():
            return _lifecycle_message(event, seq)
        case _:
            return _reply_message(event, seq)


def _lifecycle_message(event: _LifecycleEvent, seq: int) -> messages.ServerMessage:
    match event:
        case events.GoingAway(retry_after_ms):
            return messages.GoingAwayMessage(seq=seq, retry_after_ms=retry_after_ms)
        case events.Ending(code, in_ms):
            return messages.EndingMessage(seq=seq, code=code, in_ms=in_ms)
        case events.Refreshed(expires_in_ms):
            return messages.RefreshedMessage(seq=seq, expires_in_ms=expires_in_ms)
        case events.Fault():
            known = msgspec.structs.asdict(event)
            del known["reference"]  # clients know which message an error is about by its order
            return messages.ErrorMessage(seq=seq, **known)
        case _:
            assert_never(event)


def _reply_message(event: events.ReplyEvent, seq: int) -> messages.ServerMessage:
    match event:
        case events.ReplyStarted(turn, greeting):
            return messages.ReplyStartedMessage(seq=seq, turn=turn, greeting=greeting)
        case events.ReplyDelta(turn, text):
            return messages.ReplyDeltaMessage(seq=seq, turn=turn, text=text)
        case events.ReplyDone(turn, text, reply_reason):
            return messages.ReplyDoneMessage(seq=seq, turn=turn, text=text, reason=reply_reason)
        case events.ReplyStep(turn, piece):
            return _step(turn, piece, seq)
        case events.BackgroundCallReport(turn, call, name, content, done, ok):
            if done:
                return messages.ToolResultMessage(
                    seq=seq, turn=turn, id=call, name=name, content=content, ok=ok
                )
            return messages.ToolProgressMessage(seq=seq, turn=turn, id=call, name=name, content=content)
        case events.Moderated(turn, what, categories):
            return messages.ModeratedMessage(seq=seq, turn=turn, what=what, categories=list(categories))
        case _:
            assert_never(event)


def _ready(event: events.SessionReady, seq: int) -> messages.ReadyMessage:
    return messages.ReadyMessage(
        seq=seq,
        session=event.session,
        epoch=event.epoch,
        resumed=event.resumed,
        next_sample=event.next_input_sample,
        limits=event.limits,
        next_message=event.next_message,
        development=event.development,
        reply_audio=event.reply_audio,
    )


def _final(event: events.FinalTranscript, seq: int) -> messages.FinalMessage:
    words = [
        messages.WordBlock(word.text, to_ms(word.start), to_ms(word.end), round(word.probability, 3))
        for word in event.words
    ]
    return messages.FinalMessage(
        seq=seq,
        turn=event.turn,
        text=event.text,
        words=words,
        start_ms=to_ms(event.start),
        end_ms=to_ms(event.end),
        language=event.language,
    )


def _step(turn: int, piece: events.ReplyStepPiece, seq: int) -> messages.ServerMessage:
    match piece:
        case events.ToolCalled(call, name, arguments):
            return messages.ToolCallMessage(seq=seq, turn=turn, id=call, name=name, arguments=arguments)
        case events.ToolAnswered(call, name, content, background_call=background_call) if background_call:
            return messages.ToolProgressMessage(seq=seq, turn=turn, id=call, name=name, content=content)
        case events.ToolAnswered(call, name, content, ok):
            return messages.ToolResultMessage(seq=seq, turn=turn, id=call, name=name, content=content, ok=ok)
        case events.ReplyNotice(code, mitigation):
            return messages.NoticeMessage(seq=seq, turn=turn, code=code, message=mitigation)
        case _:
            assert_never(piece)


def _latency(event: events.TurnLatency, seq: int) -> messages.LatencyMessage:
    known: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(event).items() if value is not None
    }
    for name, value in known.items():
        known[name] = round(value) if isinstance(value, float) else value
    return messages.LatencyMessage(seq=seq, **known)
