"""The dialect of `/vosk`: transcripts for the clients of vosk-server."""

from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES
from voicegw.dialects.vosk.dialect import PATH, VoskDialect

__all__ = ["MAX_MESSAGE_BYTES", "PATH", "VoskDialect"]
