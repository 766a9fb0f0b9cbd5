"""Converts the audio format of a `start` message to a session profile."""

from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.language import checked_language
from voicegw.dialects.twilio.inbound import MediaFormat, Number, Start, StreamIds
from voicegw.errors import UnsupportedFormat, UnsupportedRate

_TELEPHONE_RATE = 8_000
_ENCODINGS = {
    AudioFormat.MULAW: ("audio/x-mulaw", "audio/pcmu", "mulaw", "ulaw", "pcmu"),
    AudioFormat.ALAW: ("audio/x-alaw", "audio/pcma", "alaw", "pcma"),
    AudioFormat.PCM: (
        *("audio/x-l16", "audio/l16", "l16", "linear16", "slin"),
        *("audio/x-raw", "raw/slin", "base64"),  # Exotel's
    ),
}
_FORMATS = {name: audio_format for audio_format, names in _ENCODINGS.items() for name in names}


def profile_of(start: Start, names: StreamIds) -> SessionProfile:
    """The session profile of a stream: spoken replies, in the format of the caller's audio.

    Raises UnsupportedFormat, UnsupportedRate, or InvalidParameter for an unknown `lang`.
    """
    declared = start.media_format or start.media_format_snake or MediaFormat()
    if declared.channels is not None and _number(declared.channels) != 1:
        raise UnsupportedFormat("audio with more than one channel")
    return SessionProfile(
        rate=_rate(declared),
        audio_format=_format(declared, names),
        reply=ReplyMode.AUDIO,
        language=checked_language(start.parameter("lang")),
    )


def _format(declared: MediaFormat, names: StreamIds) -> AudioFormat:
    if not declared.encoding:
        return AudioFormat.PCM if names.exotel is not None else AudioFormat.MULAW
    name = declared.encoding.partition(";")[0].strip().lower()
    if name not in _FORMATS:
        raise UnsupportedFormat(f"encoding {quoted(declared.encoding)}")
    return _FORMATS[name]


def _rate(declared: MediaFormat) -> int:
    value = declared.rate if declared.rate is not None else declared.rate_snake
    rate = _TELEPHONE_RATE if value is None else _number(value)
    if rate not in INPUT_RATES:
        raise UnsupportedRate(f"rate {quoted(str(value))}; supported: {', '.join(map(str, INPUT_RATES))}")
    return rate


def _number(value: Number) -> int | None:
    """The integer in a number or text; None for anything else."""
    try:
        return int(str(value))
    except ValueError:
        return None
