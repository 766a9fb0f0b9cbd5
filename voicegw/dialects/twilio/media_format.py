"""Converts the audio format of a `start` message to a session profile."""

from math import ceil

from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.language import checked_language
from voicegw.dialects.telephony.piece import silence
from voicegw.dialects.twilio.inbound import Inbound, MediaFormat, Start, StreamIds, number
from voicegw.errors import UnsupportedFormat, UnsupportedRate

_TELEPHONE_RATE = 8_000
_FRAME_MS = 20  # of telephone lines; some carriers play only whole frames
_EXOTEL_BYTES = 3_200  # smallest message that Exotel plays without distortion (its "Chunk Size Requirements")
_ENCODINGS = {
    AudioFormat.MULAW: ("audio/x-mulaw", "audio/pcmu", "mulaw", "ulaw", "pcmu"),
    AudioFormat.ALAW: ("audio/x-alaw", "audio/pcma", "alaw", "pcma"),
    AudioFormat.PCM: (
        *("audio/x-l16", "audio/l16", "l16", "linear16", "slin"),
        *("audio/x-raw", "raw/slin", "base64"),  # Exotel's
    ),
}
_FORMATS = {name: audio_format for audio_format, names in _ENCODINGS.items() for name in names}


def profile_of(message: Inbound, names: StreamIds) -> SessionProfile:
    """The session profile of a stream: spoken replies, in the format of the caller's audio.

    Raises UnsupportedFormat, UnsupportedRate, or InvalidParameter for an unknown `lang`.
    """
    declared = _declared(message)
    if declared.channels is not None and number(declared.channels) != 1:
        raise UnsupportedFormat("audio with more than one channel")
    rate, audio_format = _rate(declared), _format(declared, names)
    frame_ms = _FRAME_MS
    if names.exotel is not None:
        frame_ms *= ceil(_EXOTEL_BYTES * 1000 / (_FRAME_MS * rate * len(silence(audio_format))))
    return SessionProfile(
        rate=rate,
        audio_format=audio_format,
        reply=ReplyMode.AUDIO,
        language=checked_language(message.parameter("lang")),
        playout=Playout(frame_ms, drops=True),
    )


def swaps_bytes(message: Inbound, names: StreamIds, audio_format: AudioFormat) -> bool:
    """Whether linear samples come with the high byte first, as in RTP (RFC 3551, 4.5.11). Telnyx sends "RTP
    payload"; reports differ, so the stream's parameter `byte_order` (`big` or `little`) decides."""
    order = message.parameter("byte_order") or ("little" if names.telnyx is None else "big")
    return audio_format is AudioFormat.PCM and order == "big"


def _declared(message: Inbound) -> MediaFormat:
    start = message.start or Start()
    return start.media_format or start.media_format_snake or MediaFormat()


def _format(declared: MediaFormat, names: StreamIds) -> AudioFormat:
    if not declared.encoding:
        return AudioFormat.PCM if names.exotel is not None else AudioFormat.MULAW
    name = declared.encoding.partition(";")[0].strip().lower()
    if name not in _FORMATS:
        raise UnsupportedFormat(f"encoding {quoted(declared.encoding)}")
    return _FORMATS[name]


def _rate(declared: MediaFormat) -> int:
    value = declared.rate if declared.rate is not None else declared.rate_snake
    rate = _TELEPHONE_RATE if value is None else number(value)
    if rate not in INPUT_RATES:
        raise UnsupportedRate(f"rate {quoted(str(value))}; supported: {', '.join(map(str, INPUT_RATES))}")
    return rate
