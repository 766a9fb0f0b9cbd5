"""The dialect of OpenAI's Realtime API."""

from voicegw.dialects.openai_realtime.client_events import MAX_MESSAGE_BYTES
from voicegw.dialects.openai_realtime.codec import RealtimeCodec
from voicegw.dialects.openai_realtime.conversation import MAX_CHARACTERS
from voicegw.dialects.openai_realtime.dialect import PATH, RealtimeDialect
from voicegw.dialects.openai_realtime.items import MAX_TEXT_CHARACTERS
from voicegw.dialects.openai_realtime.server_events import KEPT_BYTES
from voicegw.dialects.openai_realtime.session_fields import (
    MAX_INSTRUCTIONS_CHARACTERS,
    MAX_SHOWN_CHARACTERS,
    MAX_VALUE_CHARACTERS,
)

_OTHER_VALUES = 3  # transcription, noise_reduction and voice

MAX_KEPT_CHARACTERS = (
    MAX_CHARACTERS + MAX_INSTRUCTIONS_CHARACTERS + MAX_SHOWN_CHARACTERS + _OTHER_VALUES * MAX_VALUE_CHARACTERS
)
"""What a codec keeps of a session."""

__all__ = [
    "KEPT_BYTES",
    "MAX_INSTRUCTIONS_CHARACTERS",
    "MAX_KEPT_CHARACTERS",
    "MAX_MESSAGE_BYTES",
    "MAX_TEXT_CHARACTERS",
    "PATH",
    "RealtimeCodec",
    "RealtimeDialect",
]
