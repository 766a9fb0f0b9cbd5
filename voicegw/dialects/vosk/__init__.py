"""The dialect of `/vosk`: transcripts for the clients of vosk-server."""

from voicegw.dialects.vosk.codec import MAX_AUDIO_BYTES
from voicegw.dialects.vosk.dialect import PATH, VoskDialect

__all__ = ["MAX_AUDIO_BYTES", "PATH", "VoskDialect"]
