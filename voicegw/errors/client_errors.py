"""What a client did wrong, or does too much of."""

from voicegw.errors.base import VoicegwError


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
    """Audio sent faster than real time, beyond the burst that `ready` states as `max_burst_ms`."""


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


class SignatureInvalid(InputError, code="signature_invalid", http_status=403):
    """The request is not signed as this server asks (`X-Twilio-Signature`)."""


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
