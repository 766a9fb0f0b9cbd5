"""Transcription by a recogniser of windows: every request of a session is one decode job."""

from voicegw.core.jobs import DecodeFailure, DecodeJob, Shed, Superseded
from voicegw.core.recognizer import Recognizer
from voicegw.core.session import SessionOptions
from voicegw.core.transcription import Deliver, Spawn
from voicegw.core.windowed_transcription import WindowedTranscription
from voicegw.errors import RecognitionFailed


class WindowedBackend:
    """A TranscriptionBackend over any Recognizer, local or remote, whose life is its own."""

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

    def new_executor(self, spawn: Spawn, deliver: Deliver) -> "WindowedExecutor":
        """See TranscriptionBackend."""
        return WindowedExecutor(self._recognizer, spawn, deliver)


class WindowedExecutor:
    """Has one session's windows decoded, each in a task of its own."""

    def __init__(self, recognizer: Recognizer, spawn: Spawn, deliver: Deliver) -> None:
        self._recognizer = recognizer
        self._spawn = spawn
        self._deliver = deliver

    def execute(self, request: DecodeJob) -> None:
        """See Executor."""
        self._spawn(self._decode(request), "decode")

    async def _decode(self, job: DecodeJob) -> None:
        """Hands the words to the session, or that there are none."""
        try:
            result = await self._recognizer.decode(job)
        except (RecognitionFailed, Superseded, Shed):
            self._deliver(DecodeFailure(job.number))
        else:
            self._deliver(result)
