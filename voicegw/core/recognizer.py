"""The port to a recogniser of windows, in processes of this machine or on other machines."""

from typing import Protocol

from voicegw.core.jobs import DecodeJob, DecodeResult
from voicegw.core.transcription import RecognitionService


class Recognizer(RecognitionService, Protocol):
    """Decodes jobs to words."""

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """The result of a job. Raises RecognitionFailed after the last retry or the deadline, Superseded when
        a newer job of the same session replaces a queued partial, and Shed."""
        ...
