"""Recognises the speech of a recording, one utterance after the other.

One request has at most one decode in progress, and its decodes wait while sessions have any: a recording can
take longer, a conversation cannot.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from voicegw.core.actions import Recognize
from voicegw.core.endpoint import EndpointOptions, SpeechScorer
from voicegw.core.recording import RecordingDecoder
from voicegw.core.recording_listener import RecordingListener
from voicegw.core.transcription import Executor, Final, Transcription, TranscriptionBackend
from voicegw.errors import RecognitionFailed
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.rest.transcription_request import TranscriptionRequest

_ANSWER_S = 120.0
_SLICE_BYTES = 6_400  # scored at a time: 200 ms of audio, about a millisecond


@dataclass(frozen=True, slots=True)
class Transcriber:
    """The parts that all recordings share."""

    decoder: RecordingDecoder
    backend: TranscriptionBackend
    new_scorer: Callable[[], SpeechScorer]
    endpoint: EndpointOptions

    async def transcribe(
        self, name: str, request: TranscriptionRequest, limiter: SessionLimiter
    ) -> AsyncGenerator[Final | int, None]:
        """The utterances of a recording, and then its length in samples. name: of its decode jobs. Raises
        InvalidRecording, RecordingTooLong, RecognitionFailed, and RateLimited when its user has no audio
        left."""
        transcription = self.backend.new_transcription(name, request.language)
        transcription.configure(None, request.key_terms or None, None)
        listener = RecordingListener(transcription, self.new_scorer(), self.endpoint)
        decoding = _Decoding(transcription, self.backend, listener)
        samples = 0
        try:
            async with aclosing(self.decoder.decode(request.recording)) as pieces:
                async for piece in pieces:
                    limiter.admit_audio(len(piece), time.monotonic())
                    await limiter.report(time.monotonic())
                    samples += len(piece) // 2
                    await _hear(listener, piece)
                    for final in await decoding.finals():
                        yield final
            listener.finish()
            for final in await decoding.finals():
                yield final
        finally:
            await decoding.close()
        yield samples


async def _hear(listener: RecordingListener, piece: bytes) -> None:
    """Passes on a second of audio in slices, so that other tasks run between them."""
    for start in range(0, len(piece), _SLICE_BYTES):
        listener.receive(np.frombuffer(piece[start : start + _SLICE_BYTES], dtype="<i2"))
        await asyncio.sleep(0)


class _Decoding:
    """Has the utterances of one recording decoded."""

    def __init__(
        self, transcription: Transcription, backend: TranscriptionBackend, listener: RecordingListener
    ) -> None:
        self._transcription = transcription
        self._listener = listener
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._executor: Executor = backend.new_executor(
            self._spawn, self._answers.put_nowait, background=True
        )
        self._received = 0

    async def finals(self) -> list[Final]:
        """The finals of the utterances that have ended since the last call. Raises RecognitionFailed."""
        finals: list[Final] = []
        while self._received < self._listener.ended:
            match self._transcription.next_update():
                case Recognize(request):
                    self._executor.execute(request)
                case Final() as final:
                    self._received += 1
                    if final.failed:
                        raise RecognitionFailed
                    finals.append(final)
                case None:
                    self._transcription.receive_answer(await self._answer())
                case _:
                    pass  # partial words, for which nobody waits
        return finals

    async def _answer(self) -> Any:
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await self._answers.get()
        except TimeoutError:
            raise RecognitionFailed("the recogniser did not answer in time") from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        """A task is over; an error of it takes the place of its answer."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._answers.put_nowait(error)

    async def close(self) -> None:
        """Cancels decodes that are in progress."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
