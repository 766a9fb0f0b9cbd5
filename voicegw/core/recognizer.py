"""The port to a recogniser of windows: processes of this machine, or workers on others."""

from typing import Protocol

from voicegw.core.jobs import DecodeJob, DecodeResult
from voicegw.core.transcription import RecognitionService


class Recognizer(RecognitionService, Protocol):
    """Turns decode jobs into words, wherever the model is."""

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """The job's words. Raises RecognitionFailed after the last retry or past the deadline, Superseded
        when a newer job of the same session made a queued partial useless, and Shed."""
        ...
