"""Errors caused by a client: invalid input, and exceeded limits."""

from voicegw.errors.base import VoicegwError


class InputError(VoicegwError):
    """Invalid or missing input from the client."""


class MalformedMessage(InputError, code="malformed_message"):
    """A text frame that is not a JSON object, or has a missing, unknown or invalid field."""


class UnknownMessageType(InputError, code="unknown_type"):
    """A JSON message with an unknown `type`."""


class InvalidValue(InputError, code="invalid_value"):
    """A value in `configure` outside its bounds."""


class WrongFrameKind(InputError, code="wrong_frame_kind"):
    """A JSON message in a binary frame: binary frames carry audio, text frames carry JSON."""


class OddByteCount(InputError, code="odd_byte_count"):
    """A binary frame that is empty or does not contain whole samples; it is discarded."""


class AudioMisdeclared(InputError, code="audio_misdeclared"):
    """Audio that is probably not in the declared format; reported once, and the session continues."""


class InvalidState(InputError, code="invalid_state"):
    """A message that is not allowed now, such as audio after `end`."""


class NoReply(InputError, code="no_reply"):
    """There is no reply in progress that could be cancelled."""


class ReplyInProgress(InputError, code="reply_in_progress"):
    """The model writes a reply, so no other one can be requested."""


class NothingToCommit(InputError, code="nothing_to_commit"):
    """There is too little audio since the last commit."""


class UnknownItem(InputError):
    """The conversation has no item with this id."""


class NoItemToReferTo(UnknownItem, code="item_not_found"):
    """The conversation has no item with this id to refer to, or to put another one after."""


class NoItemToRetrieve(UnknownItem, code="item_retrieve_invalid_item_id"):
    """The conversation has no item with this id to show."""


class NoItemToDelete(UnknownItem, code="item_delete_invalid_item_id"):
    """The conversation has no item with this id to delete."""


class NoItemToTruncate(UnknownItem, code="item_truncate_invalid_item_id"):
    """The conversation has no item with this id and audio of the assistant to cut."""


class TooManyErrors(InputError, code="too_many_errors", close_code=1008):
    """More rejected messages than one connection may send."""


class MessageTooBig(InputError, code="message_too_big", close_code=1009):
    """A message over 64 KiB; at `/v1/realtime` over 256 KiB, and audio at `/vosk` over 1 MiB."""


class AudioTooFast(InputError, code="audio_too_fast", close_code=1008):
    """Audio sent faster than real time, beyond the burst that `ready` states as `max_burst_ms`."""


class IdleTimeout(InputError, code="idle_timeout", close_code=1008, http_status=408):
    """No message was sent in either direction for the idle timeout."""


class NotFound(InputError, code="not_found", http_status=404):
    """The path does not exist on this server."""


class UnsupportedRate(InputError, code="unsupported_rate", http_status=400):
    """The rate is none of those that the dialect supports: 8000, 16000, 24000 and 48000 natively."""


class UnsupportedFormat(InputError, code="unsupported_format", http_status=400):
    """`format` is not pcm_s16le, mulaw or alaw."""


class UnsupportedReply(InputError, code="unsupported_reply", http_status=400):
    """`reply` is not a reply mode that this server supports."""


class InvalidParameter(InputError, code="invalid_parameter", http_status=400):
    """Another URL parameter is unknown or invalid."""


class OriginRefused(InputError, code="origin_refused", http_status=403):
    """Web pages from this origin may not connect."""


class TokenMissing(InputError, code="token_missing", http_status=401):
    """This server requires a token: `Authorization: Bearer`, or the subprotocol `bearer.<token>`."""


class TokenInvalid(InputError, code="token_invalid", http_status=401):
    """The token has an invalid signature, is not valid yet, is for another audience, or is incomplete."""


class TokenExpired(InputError, code="token_expired", close_code=1008, http_status=401):
    """The token has expired, or the session needs a new token (`refresh`)."""


class TokenUsed(InputError, code="token_used", http_status=401):
    """The token is single-use and was used before."""


class SignatureInvalid(InputError, code="signature_invalid", http_status=403):
    """The request lacks a valid signature of the carrier (`X-Twilio-Signature`; of Vonage, a token)."""


class ScopeMissing(InputError, code="scope_missing", http_status=403):
    """The scopes of the token do not allow this."""


class SessionTooLong(InputError, code="session_too_long", close_code=1008):
    """The session has reached its maximum duration; a new one may be opened."""


class TakenOver(InputError, code="taken_over", close_code=4001):
    """Another connection has resumed this session; this one is closed."""


class MethodRefused(InputError, code="method_refused", http_status=405):
    """The path does not take requests with this HTTP method."""


class RequestTooBig(InputError, code="request_too_big", http_status=413):
    """The body of an HTTP request is longer than the server accepts."""


class InvalidRecording(InputError, code="invalid_recording", http_status=400):
    """The audio file is damaged, or its format is not supported."""


class RecordingTooLong(InputError, code="recording_too_long", http_status=413):
    """The audio file is longer than the server accepts."""


class TokensNotIssued(InputError, code="tokens_not_issued", http_status=403):
    """This server cannot sign tokens, because it has public keys only."""


class LimitError(VoicegwError, retryable=True):
    """The client exceeds a limit."""


class RateLimited(LimitError, code="rate_limited", http_status=429):
    """More connections, audio, messages or model tokens than the rate allows; the excess is discarded."""


class TooManyConnections(LimitError, code="too_many_connections", http_status=429):
    """This user or address has the maximum number of open sessions."""


class LimitIgnored(LimitError, code="limit_ignored", close_code=1008):
    """The client continued to send although it was over a limit."""
