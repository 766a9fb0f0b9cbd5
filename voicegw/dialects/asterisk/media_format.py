"""Converts the codec name of Asterisk to an audio format."""

from dataclasses import replace

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.telephony.caller_input import sample_bytes
from voicegw.errors import MalformedMessage, UnsupportedFormat

_FORMATS = {
    "ulaw": (AudioFormat.MULAW, 8_000),
    "alaw": (AudioFormat.ALAW, 8_000),
    "slin": (AudioFormat.PCM, 8_000),
    "slin12": (AudioFormat.PCM, 12_000),
    "slin16": (AudioFormat.PCM, 16_000),
    "slin24": (AudioFormat.PCM, 24_000),
    "slin32": (AudioFormat.PCM, 32_000),
    "slin48": (AudioFormat.PCM, 48_000),
}
_MAX_FRAME_MS = 500  # far more than Asterisk uses


def profile_of(name: object, frame_bytes: object, language: str) -> SessionProfile:
    """The session profile of a call: spoken replies in the codec of the call. frame_bytes: the size of one
    frame; Asterisk drops an incomplete one. Raises UnsupportedFormat or MalformedMessage."""
    if not isinstance(name, str) or name not in _FORMATS:
        supported = ", ".join(_FORMATS)
        raise UnsupportedFormat(f"codec {quoted(str(name))}; supported: {supported}. In Dial(): c(slin16)")
    audio_format, rate = _FORMATS[name]
    profile = SessionProfile(rate, audio_format, ReplyMode.AUDIO, language)
    frame_ms = _frame_ms(frame_bytes, rate * sample_bytes(profile) // 1000)
    return replace(profile, playout=Playout(frame_ms, drops=True))


def _frame_ms(frame_bytes: object, bytes_per_ms: int) -> int:
    """The duration of a frame; the usual one when its size is not stated."""
    if frame_bytes is None:
        return Playout().frame_ms
    text = str(frame_bytes)
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if size % bytes_per_ms or not 0 < size // bytes_per_ms <= _MAX_FRAME_MS:
        raise MalformedMessage(f"optimal_frame_size {quoted(text)}")
    return size // bytes_per_ms
