"""What one session is like: its audio, its language, and how it is answered."""

from dataclasses import dataclass

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import ReplyMode


@dataclass(frozen=True, slots=True)
class SessionProfile:
    """rate: of the audio that the client sends, in Hz. language: ISO 639-1, AUTO_LANGUAGE to find it out,
    empty for the server's default. reply: how turns are answered."""

    rate: int = 16_000
    audio_format: AudioFormat = AudioFormat.PCM
    reply: ReplyMode = ReplyMode.TEXT
    language: str = ""
