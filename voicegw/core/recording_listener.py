"""Cuts a recording into utterances and passes them to its transcription, as `listener.py` does for a session.

Nobody waits for partial words or for the end of a turn, so updates are taken only after an utterance.
"""

from typing import assert_never

from voicegw.core.audio import Framer, Pcm
from voicegw.core.endpoint import Boundary, Endpointer, EndpointOptions, SpeechScorer
from voicegw.core.transcription import Transcription


class RecordingListener:
    """Receives the audio of one recording, at 16 kHz. `scorer` and `transcription` belong to this recording
    alone. ended: the number of utterances that have ended."""

    def __init__(self, transcription: Transcription, scorer: SpeechScorer, options: EndpointOptions) -> None:
        self._transcription = transcription
        self._scorer = scorer
        self._endpointer = Endpointer(options)
        self._framer = Framer()
        self._begun = 0
        self.ended = 0

    def receive(self, pcm: Pcm) -> None:
        """Receives audio. An utterance that ends in it waits for its decode afterwards."""
        for window in self._framer.push(pcm):
            self._receive_window(window)

    def finish(self) -> None:
        """The recording is over, and so is an utterance that is running."""
        for window in self._framer.flush():
            self._receive_window(window)
        if self._endpointer.open:
            self._endpointer.force()
            self._end()

    def _receive_window(self, window: Pcm) -> None:
        self._transcription.receive_audio(window)
        boundary = self._endpointer.receive(self._scorer.score(window))
        running = self._transcription.running
        if running is not None:
            running.speech_end = self._endpointer.speech_end
        if boundary is not None:
            self._receive_boundary(boundary)
        if running is not None and self._endpointer.too_long:
            self._split()

    def _receive_boundary(self, boundary: Boundary) -> None:
        match boundary:
            case Boundary.STARTED:
                self._begin()
            case Boundary.PAUSED:
                self._transcription.pause()
            case Boundary.RESUMED:
                self._transcription.resume(self._endpointer.voice_start)
            case Boundary.ENDED:
                self._end()
            case _:
                assert_never(boundary)

    def _begin(self) -> None:
        self._begun += 1
        self._transcription.begin(self._begun, self._endpointer.speech_start)

    def _end(self, at: int | None = None) -> None:
        self.ended += 1
        self._transcription.finish(at)

    def _split(self) -> None:
        """Ends an utterance that is too long; during speech, the next one begins at once."""
        place = self._transcription.split_point()
        if place is None:
            self._endpointer.force()
            self._end()
        else:
            self._endpointer.split(place)
            self._end(place)
            self._begin()
