"""Transcription by a streaming recogniser, such as a transducer, written outside the package: it is fed the
audio of an utterance as it comes, and emits words whenever it has them. The engine is scripted: it knows by
time what is said, and emits each word so long after its end.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from tests.recognition import AlwaysReady
from voicegw.core.actions import Recognize
from voicegw.core.audio import AudioBuffer, Pcm, to_ms
from voicegw.core.jobs import Word
from voicegw.core.transcription import (
    SCORER_WARM_UP,
    Deliver,
    Final,
    KeptAudio,
    Partial,
    ProvisionalFinal,
    Spawn,
    Update,
)

PRE_ROLL = 4800
QUEUED = 3000  # requests


@dataclass(frozen=True)
class Feed:
    """The next audio of a turn's utterance, which begins at the session sample `start`."""

    turn: int
    start: int
    pcm: bytes


@dataclass(frozen=True)
class Flush:
    """No more audio of this turn follows."""

    turn: int


@dataclass(frozen=True)
class Emitted:
    """Further words of a turn's utterance, heard up to a sample. last: there will be no more."""

    turn: int
    words: tuple[Word, ...]
    until: int
    last: bool = False


class Stream(msgspec.Struct):
    """One utterance. words: so far. heard_until: the audio before it is known to the engine for good."""

    turn: int
    start: int
    speech_start: int
    speech_end: int
    heard_until: int
    words: list[Word] = []
    paused: bool = False
    end: int | None = None
    last: bool = False


class StreamingTranscription:
    """A Transcription over such an engine."""

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._audio = AudioBuffer()
        self._streams: list[Stream] = []  # that have had no final
        self._updates: list[Update] = []
        self._spoken_for = 0

    @property
    def running(self) -> Stream | None:
        return self._streams[-1] if self._streams and self._streams[-1].end is None else None

    @property
    def idle(self) -> bool:
        return not self._streams

    def receive_audio(self, window: Pcm) -> None:
        self._audio.append(window)
        if (running := self.running) is not None:
            self._feed(running, self._audio.end - len(window))
        self._audio.drop_before(self._needed_from)

    def _feed(self, stream: Stream, start: int) -> None:
        end = self._audio.end if stream.end is None else stream.end
        self._updates.append(Recognize(Feed(stream.turn, start, self._audio.read(start, end))))

    def begin(self, turn: int, speech_start: int) -> None:
        start = max(speech_start - PRE_ROLL, self._spoken_for, self._audio.start)
        self._streams.append(Stream(turn, start, speech_start, self._audio.end, heard_until=start))
        self._feed(self._streams[-1], start)

    def pause(self, *, urgent: bool = False) -> None:
        if (running := self.running) is not None:
            running.paused = True
            self._expect(running)

    def resume(self, at: int) -> None:
        if (running := self.running) is not None:
            running.paused = False

    def split_point(self) -> int | None:
        return None

    def finish(self, at: int | None = None, *, urgent: bool = False) -> None:
        if (running := self.running) is not None:
            self._spoken_for = running.end = self._audio.end if at is None else at
            self._updates.append(Recognize(Flush(running.turn)))

    def expire_oldest(self) -> None:
        self._streams[0].last = True

    def receive_answer(self, answer: Emitted) -> None:
        stream = next((each for each in self._streams if each.turn == answer.turn), None)
        if stream is None or stream.last:
            return
        stream.words += answer.words
        stream.heard_until, stream.last = answer.until, answer.last
        if stream.end is None:
            changed = bool(answer.words)
            words, voiced_ms = tuple(stream.words), self._voiced_ms(stream)
            heard = (stream.turn, words, (), answer.until, voiced_ms, self._language, changed)
            self._updates.append(Partial(*heard))
            self._expect(stream)

    def _expect(self, stream: Stream) -> None:
        """In a pause, all words of the voice before it are those of the final."""
        if stream.paused and stream.heard_until >= stream.speech_end and len(self._streams) == 1:
            self._updates.append(ProvisionalFinal(stream.turn, tuple(stream.words), self._language))

    def next_update(self) -> Update | None:
        if self._updates:
            return self._updates.pop(0)
        if self._streams and self._streams[0].last:
            return self._final(self._streams.pop(0))
        return None

    def _final(self, stream: Stream) -> Final:
        assert stream.end is not None
        failed = stream.heard_until < stream.speech_end
        words, voiced_ms = tuple(stream.words), self._voiced_ms(stream)
        return Final(stream.turn, words, stream.start, stream.end, voiced_ms, self._language, failed)

    def _voiced_ms(self, stream: Stream) -> int:
        return to_ms(stream.speech_end - stream.speech_start)

    def configure(
        self,
        partial_interval_ms: int | None,
        key_terms: tuple[str, ...] | None,
        language: str | None,
    ) -> None:
        """Words come when they come, and none is likelier than another."""

    @property
    def _needed_from(self) -> int:
        kept = self._audio.end - max(2 * PRE_ROLL, SCORER_WARM_UP)
        return max(0, min([kept, *[stream.start for stream in self._streams]]))

    def kept_audio(self, position: int) -> KeptAudio:
        start = max(position, self._audio.start)
        return KeptAudio(start, self._audio.read(start, self._audio.end), self._needed_from)

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self._spoken_for, self._streams))

    def restore(self, state: bytes, audio: Pcm, start: int) -> None:
        """Another engine hears every utterance that is open from its start."""
        self._spoken_for, self._streams = msgspec.msgpack.decode(state, type=tuple[int, list[Stream]])
        self._audio.start = self._audio.end = start
        self._audio.append(audio)
        for stream in self._streams:
            stream.words, stream.heard_until = [], stream.start
            self._feed(stream, stream.start)
            if stream.end is not None:
                self._updates.append(Recognize(Flush(stream.turn)))


@dataclass
class ScriptedEngine:
    """Emits each word of the script `latency` samples after its end, once it was fed that far. An utterance's
    stream hears the words that begin in it. mute: it takes audio and says nothing."""

    script: Sequence[Word]
    latency: int = 0
    mute: bool = False
    fed: dict[int, "Fed"] = field(default_factory=dict)  # by turn

    def hear(self, request: Feed | Flush) -> Emitted | None:
        """What comes of a request at once."""
        if isinstance(request, Feed):
            fed = self.fed.setdefault(request.turn, Fed(request.start, request.start, request.start))
            assert fed.end == request.start, "audio is missing, or comes twice"
            fed.end += len(request.pcm) // 2
        fed = self.fed[request.turn]
        if self.mute:
            return None
        is_last = isinstance(request, Flush)
        until = fed.end if is_last else max(fed.heard, fed.end - self.latency)
        words = tuple(
            word for word in self.script if fed.start <= word.start and fed.heard < word.end <= until
        )
        fed.heard = until
        return Emitted(request.turn, words, until, is_last)


@dataclass
class Fed:
    """The audio of one utterance: where it begins, up to where words were emitted, where it ends so far."""

    start: int
    heard: int
    end: int


class StreamingBackend(AlwaysReady):
    """A TranscriptionBackend that has an engine for each session, in a task that the session owns."""

    def __init__(self, script: Sequence[Word]) -> None:
        self._script = script
        self.open = self.opened = 0

    def new_transcription(self, session: str, language: str) -> StreamingTranscription:
        return StreamingTranscription(language or "en")

    def new_executor(
        self, spawn: Spawn, deliver: Deliver, *, background: bool = False
    ) -> "StreamingExecutor":
        return StreamingExecutor(self, self._script, spawn, deliver)


class StreamingExecutor:
    """Opens the stream at the first request; it is closed with the session."""

    def __init__(
        self, backend: StreamingBackend, script: Sequence[Word], spawn: Spawn, deliver: Deliver
    ) -> None:
        self._backend = backend
        self._engine = ScriptedEngine(script)
        self._spawn = spawn
        self._deliver = deliver
        self._requests: asyncio.Queue[Feed | Flush] | None = None

    def execute(self, request: Feed | Flush) -> None:
        if self._requests is None:
            self._requests = asyncio.Queue(QUEUED)
            self._spawn(self._run(self._requests), "stream")
        with suppress(asyncio.QueueFull):  # the final of what is lost comes with its time limit
            self._requests.put_nowait(request)

    async def _run(self, requests: "asyncio.Queue[Feed | Flush]") -> None:
        self._backend.open += 1
        self._backend.opened += 1
        try:
            while True:
                emitted = self._engine.hear(await requests.get())
                if emitted is not None:
                    self._deliver(emitted)
        finally:
            self._backend.open -= 1
