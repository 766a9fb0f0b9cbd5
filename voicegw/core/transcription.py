"""The port between a session and speech recognition: audio and the endpointer's signals in, words out.

Each session has a `Transcription` of its own. It is pure, as all of the core: it waits for nothing and reads
no clock. After each call it hands out updates: hypotheses, and `Recognize` actions for what has to be done
elsewhere. A request and its answers are of the implementation's own kind; nobody but its `Executor` looks
into them, so a session, its listener and the gateway are the same for every kind of recogniser.

A recogniser of windows (windowed_transcription.py) asks for one decode at a time. A streaming one asks for
its audio to be fed, and hands out words whenever they come.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from voicegw.core.actions import Recognize
from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.jobs import Word

SCORER_WARM_UP = SAMPLE_RATE  # samples always kept, for a scorer that begins anew in mid-session


@dataclass(frozen=True, slots=True)
class Partial:
    """A hypothesis about the utterance that is still being spoken.

    stable: words that will not change any more. tentative: those behind them. audio_end: the session sample
    up to which the audio was heard. voiced_ms: from the first voiced sample to the last one so far. language:
    that it is in; AUTO_LANGUAGE or empty where that is not known. changed: its words differ from those of the
    partial before.
    """

    turn: int
    stable: tuple[Word, ...]
    tentative: tuple[Word, ...]
    audio_end: int
    voiced_ms: int
    language: str
    changed: bool = True


@dataclass(frozen=True, slots=True)
class ProvisionalFinal:
    """The words of an utterance whose speaker pauses: those of its final, if the silence lasts.

    end_of_turn: the probability that the speaker has finished; None where no model tells it. language: as in
    Partial.
    """

    turn: int
    words: tuple[Word, ...]
    language: str
    end_of_turn: float | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """The words of an utterance that is over; each utterance gets one, in order.

    start, end: session samples. failed: what was voiced could not be recognised, or not all of it. queue_ms,
    decode_ms: how long the decode that gave the words waited and took; None where that was not measured.
    voiced_ms, language: as in Partial.
    """

    turn: int
    words: tuple[Word, ...]
    start: int
    end: int
    voiced_ms: int
    language: str
    failed: bool = False
    queue_ms: float | None = None
    decode_ms: float | None = None


Update = Partial | ProvisionalFinal | Final | Recognize


class RunningUtterance(Protocol):
    """The utterance that is still being spoken. speech_end: the session sample of its last voice so far."""

    @property
    def turn(self) -> int: ...

    @property
    def speech_end(self) -> int: ...


class Transcription(Protocol):
    """One session's speech, to words. Positions are session samples at 16 kHz.

    Every window comes by `receive_audio`; while an utterance runs `receive_voice` follows, and then the
    signal that the endpointer has found in the window, if any. Updates are taken once a message of audio is
    in, and after `finish`, `cancel`, `receive_answer` and `restore`: `next_update` is called until there is
    none.
    """

    @property
    def running(self) -> RunningUtterance | None:
        """The utterance that is still being spoken."""
        ...

    @property
    def idle(self) -> bool:
        """Whether every utterance has had its final."""
        ...

    def receive_audio(self, window: Pcm) -> None:
        """The next 20 ms, voiced or not."""
        ...

    def receive_voice(self, until: int) -> None:
        """The last voiced sample of the running utterance so far."""
        ...

    def begin(self, turn: int, speech_start: int) -> None:
        """An utterance begins; `speech_start` is its first voiced sample, which lies in the past."""
        ...

    def pause(self) -> None:
        """The speaker of the running utterance pauses; the end may follow."""
        ...

    def resume(self, at: int) -> None:
        """The voice goes on after a pause, from this sample on."""
        ...

    def split_point(self) -> int | None:
        """Where a running utterance that is too long is best cut in two; None to end it where it is."""
        ...

    def finish(self, at: int | None = None) -> None:
        """The running utterance is over, now or at the sample `at`: what has come of its audio is recognised
        to the end, and its Final follows."""
        ...

    def cancel(self) -> None:
        """The oldest utterance that is over has waited for too long: its Final follows at once, with the
        words that are known. An answer about it that comes later is ignored."""
        ...

    def receive_answer(self, answer: Any) -> None:
        """What an Executor hands back; one that is not awaited any more changes nothing."""
        ...

    def next_update(self) -> Update | None:
        """What is new, one after the other; None when that is all."""
        ...

    def configure(
        self,
        partial_interval_ms: int | None,
        key_terms: tuple[str, ...] | None,
        language: str | None,
    ) -> None:
        """New settings for the rest of the session; None leaves one as it is. language: as in SessionProfile.
        Raises InvalidValue, changing nothing."""
        ...

    @property
    def audio_needed_from(self) -> int:
        """The audio before this sample is of no more use, neither here nor to a scorer that begins anew."""
        ...

    def audio_after(self, position: int) -> tuple[int, bytes]:
        """The audio (s16le) from `position` on, or from where it is kept, and where that is."""
        ...

    def snapshot(self) -> bytes:
        """All it knows beside the audio, as one MessagePack value. What an executor is at work on is not part
        of it: it is asked for again."""
        ...

    def restore(self, state: bytes, audio: Pcm, start: int) -> None:
        """Goes on where another process was; `audio` begins at the session sample `start`. Raises
        msgspec.MsgspecError for the state of another implementation."""
        ...


class Executor(Protocol):
    """Carries out the requests of one session's transcription."""

    def execute(self, request: Any) -> None:
        """Begins with it, without waiting; requests come in the order in which they were asked for. What runs
        on is a task of the session's, which ends with it, and answers are delivered from there."""
        ...


Spawn = Callable[[Coroutine[Any, Any, None], str], object]
"""Starts a task, under a name, that is cancelled when the session ends."""

Deliver = Callable[[Any], None]
"""Hands an answer to the session's transcription."""


class RecognitionService(Protocol):
    """Speech recognition as a server runs it, wherever the model is."""

    async def start(self) -> None:
        """Returns when speech can be recognised, or is going to be without further doing. Raises
        StartupError."""
        ...

    def unready(self) -> str:
        """Why nothing can be recognised now; empty when it can."""
        ...

    def overloaded(self) -> bool:
        """Whether recognition is so far behind that more sessions would spoil those that are open."""
        ...

    async def close(self) -> None:
        """Gives up what is under way and frees what it holds; harmless without `start`."""
        ...


class TranscriptionBackend(RecognitionService, Protocol):
    """What transcribes all sessions of a server."""

    def new_transcription(self, session: str, language: str) -> Transcription:
        """For a session of this name. language: an ISO 639-1 code, AUTO_LANGUAGE, or empty for the
        default."""
        ...

    def new_executor(self, spawn: Spawn, deliver: Deliver) -> Executor:
        """For the requests of one such transcription."""
        ...
