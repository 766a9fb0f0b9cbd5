"""Transcription by a recogniser of windows: every request of a session is one decode job."""

import msgspec

from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeFailure, DecodeJob, DecodeResult, Shed, Superseded
from voicegw.core.recognizer import Recognizer
from voicegw.core.session import SessionOptions
from voicegw.core.transcription import Deliver, Spawn
from voicegw.core.windowed_transcription import WindowedTranscription
from voicegw.errors import RecognitionFailed
from voicegw.tracing import span


class WindowedBackend:
    """A TranscriptionBackend over any Recognizer, local or remote, whose owner starts and closes it."""

    def __init__(self, recognizer: Recognizer, options: SessionOptions) -> None:
        self._recognizer = recognizer
        self._options = options
        self.start = recognizer.start
        self.unready = recognizer.unready
        self.overloaded = recognizer.overloaded
        self.close = recognizer.close

    def new_transcription(self, session: str, language: str) -> WindowedTranscription:
        """See TranscriptionBackend."""
        pre_roll_ms = self._options.endpoint.pre_roll_ms
        return WindowedTranscription(session, self._options.recognition, pre_roll_ms, language)

    def new_executor(self, spawn: Spawn, deliver: Deliver, *, background: bool = False) -> "WindowedExecutor":
        """See TranscriptionBackend."""
        return WindowedExecutor(self._recognizer, spawn, deliver, background=background)


def _attributes(result: DecodeResult) -> dict[str, float]:
    names = ("queue_ms", "decode_ms", "retry_ms", "batch")
    return {f"voicegw.decode.{name}": getattr(result, name) for name in names}


class WindowedExecutor:
    """Decodes the windows of one session, each in a separate task."""

    def __init__(
        self, recognizer: Recognizer, spawn: Spawn, deliver: Deliver, *, background: bool = False
    ) -> None:
        self._recognizer = recognizer
        self._spawn = spawn
        self._deliver = deliver
        self._background = background

    def execute(self, request: DecodeJob) -> None:
        """See Executor."""
        job = msgspec.structs.replace(request, background=True) if self._background else request
        self._spawn(self._decode(job), "decode")

    async def _decode(self, job: DecodeJob) -> None:
        """Passes the words to the session, or the failure."""
        window_ms = len(job.pcm) / 2 / SAMPLE_RATE * 1000
        try:
            with span(
                "decode", {"voicegw.decode.kind": job.kind, "voicegw.decode.window_ms": window_ms}
            ) as decode:
                result = await self._recognizer.decode(job)
                decode.set_attributes(_attributes(result))
        except (RecognitionFailed, Superseded, Shed):
            self._deliver(DecodeFailure(job.number))
        else:
            self._deliver(result)
