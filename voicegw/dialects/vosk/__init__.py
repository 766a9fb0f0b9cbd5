"""The dialect of `/vosk`: transcripts for the clients of vosk-server."""

from voicegw.dialects.vosk.dialect import PATH, VoskDialect
from voicegw.dialects.vosk.messages import MAX_MESSAGE_BYTES

__all__ = ["MAX_MESSAGE_BYTES", "PATH", "VoskDialect"]
