"""The port between a session and speech recognition: it receives audio and signals of the endpointer, and
returns words.

Each session has its own `Transcription`. It is pure, as all of the core: it never waits and reads no clock.
After each call it returns updates: hypotheses, and `Recognize` actions for work outside the core. Requests
and answers have types of the implementation; only its `Executor` reads them, so the session, the listener and
the gateway are the same for every kind of recogniser.

A recogniser of windows (windowed_transcription.py) requests one decode at a time. A streaming recogniser
requests that its audio is fed, and returns words at any time.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from voicegw.core.actions import Recognize
from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.jobs import Word

SCORER_WARM_UP = (
    SAMPLE_RATE  # samples that are always kept, because the scorer of a restored session scores them first
)


@dataclass(frozen=True, slots=True)
class Partial:
    """A hypothesis of the running utterance.

    stable: words that do not change any more. tentative: the words after them. audio_end: the session sample
    up to which the audio was decoded. voiced_ms: from the first voiced sample to the last one so far.
    language: ISO 639-1; AUTO_LANGUAGE or empty where it is unknown. changed: its words differ from those of
    the previous partial.
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
    """The words of an utterance in a pause: those of its final if the silence lasts. Until it comes, the
    silence that ends the utterance is the longer one; see endpoint.py.

    end_of_turn: the probability that the speaker has finished; None without an end-of-turn model. language:
    as in Partial.
    """

    turn: int
    words: tuple[Word, ...]
    language: str
    end_of_turn: float | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """The final words of an utterance; each utterance has one Final, in order.

    start, end: session samples. failed: some of its speech could not be decoded. queue_ms, decode_ms: the
    waiting time and the duration of the decode that gave the words; None where not measured. voiced_ms,
    language: as in Partial.
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
    """The utterance in progress. speech_end: its last voiced session sample so far."""

    @property
    def turn(self) -> int: ...

    speech_end: int


@dataclass(frozen=True, slots=True)
class KeptAudio:
    """Audio of a session. start: session sample at which `pcm` (s16le at 16 kHz) begins. needed_from: the
    audio before this sample is no longer needed, neither here nor by the scorer of a restored session."""

    start: int
    pcm: bytes
    needed_from: int


class Transcription(Protocol):
    """The transcription of one session. Positions are session samples at 16 kHz.

    `receive_audio` is called for every window. While an utterance runs, its `speech_end` is set, then comes
    the signal that the endpointer found in the window, if any: `begin`, or during an utterance `pause`,
    `resume` or `finish`. After each message of audio, and after `finish`, `expire_oldest`, `receive_answer`
    and `restore`, `next_update` is called until it returns None.
    """

    @property
    def running(self) -> RunningUtterance | None:
        """The utterance in progress; None between utterances."""
        ...

    @property
    def idle(self) -> bool:
        """Whether every utterance has its final."""
        ...

    def receive_audio(self, window: Pcm) -> None:
        """Receives the next 20 ms, voiced or not."""
        ...

    def begin(self, turn: int, speech_start: int) -> None:
        """Begins an utterance. speech_start: its first voiced sample, in the past."""
        ...

    def pause(self, *, urgent: bool = False) -> None:
        """The running utterance pauses; its end may follow. urgent: the client may soon wait for the
        Final."""
        ...

    def resume(self, at: int) -> None:
        """The speech continues after a pause, from this sample on."""
        ...

    def split_point(self) -> int | None:
        """The best sample at which to split a running utterance that is too long; None to end it now."""
        ...

    def finish(self, at: int | None = None, *, urgent: bool = False) -> None:
        """Ends the running utterance, now or at the sample `at`. Its audio is decoded to the end, and its
        Final follows. urgent: the client waits for the Final."""
        ...

    def expire_oldest(self) -> None:
        """Gives up decoding the oldest utterance that has ended: its Final follows at once with the known
        words. Later answers for it are ignored."""
        ...

    def receive_answer(self, answer: Any) -> None:
        """Receives an answer of the executor. One that is no longer expected changes nothing."""
        ...

    def next_update(self) -> Update | None:
        """The next update; None when there is none."""
        ...

    def configure(
        self,
        partial_interval_ms: int | None,
        key_terms: tuple[str, ...] | None,
        language: str | None,
    ) -> None:
        """New settings for the rest of the session; None keeps a value. language: as in SessionProfile.
        Raises InvalidValue and changes nothing."""
        ...

    def kept_audio(self, position: int) -> KeptAudio:
        """The audio that is kept, from the session sample `position` on."""
        ...

    def snapshot(self) -> bytes:
        """The state without the audio, as one MessagePack value. Requests in progress are not part of it: the
        restored transcription makes them again."""
        ...

    def restore(self, state: bytes, audio: Pcm, start: int) -> None:
        """Continues from a snapshot. audio: begins at the session sample `start`. Raises msgspec.MsgspecError
        for the state of another implementation."""
        ...


class Executor(Protocol):
    """Executes the requests of one session's transcription."""

    def execute(self, request: Any) -> None:
        """Starts a request and returns at once; requests arrive in order. Longer work runs in a task of the
        session, which is cancelled with it and delivers the answers."""
        ...


Spawn = Callable[[Coroutine[Any, Any, None], str], object]
"""Starts a task with a name; it is cancelled when the session ends."""

Deliver = Callable[[Any], None]
"""Passes an answer to the session's transcription."""


class RecognitionService(Protocol):
    """A speech recognition service, in this process or elsewhere."""

    async def start(self) -> None:
        """Returns once the service is ready, or becomes ready by itself. Raises StartupError."""
        ...

    def unready(self) -> str:
        """The reason why the service is not ready; empty when it is."""
        ...

    def overloaded(self) -> bool:
        """Whether recognition is so late that a new session would harm the open ones."""
        ...

    async def close(self) -> None:
        """Cancels work in progress and releases resources; does nothing without `start`."""
        ...


class TranscriptionBackend(RecognitionService, Protocol):
    """Creates the transcriptions of a server's sessions."""

    def new_transcription(self, session: str, language: str) -> Transcription:
        """The transcription of the session with this name. language: ISO 639-1, AUTO_LANGUAGE, or empty for
        the default."""
        ...

    def new_executor(self, spawn: Spawn, deliver: Deliver, *, background: bool = False) -> Executor:
        """The executor of one transcription. background: its requests wait while others are waiting."""
        ...
