"""A user, a loudspeaker and a microphone in one room with a session of the core, on a simulated clock.

The voice activity detector, the model and the voice are real; nothing waits, so the outcome does not depend
on the machine. Each decode is answered a fixed time after it was asked for.
"""

import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.noisy_speech import at_level, noise
from benchmarks.simulation import DECODE_S, Decode, Decoder, make_session
from tests.observing import PATIENCE_S
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.weights import BUNDLED
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core import actions, commands, events
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES
from voicegw.core.jobs import DecodeJob
from voicegw.core.session import SessionOptions

SPEECH_DBFS = -20.0
ROOM_DBFS = -70.0
ECHO_DELAY_S = 0.12  # network, sound card and air

Sound = NDArray[np.float64]


@cache
def decode() -> Decode:
    """The bundled model; what it has decoded once it does not decode again."""
    return Decoder(WhisperOptions(model=BUNDLED)).with_beam(WhisperOptions().beam_size)


@cache
def voice(text: str, name: str = "en-us") -> Sound:
    """A voice that says this, from its first sound to its last, in floats of full scale 1."""
    wav = subprocess.run(
        ["espeak-ng", "-v", name, "-s", "150", "--stdin", "--stdout"],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout
    samples, rate = soundfile.read(io.BytesIO(wav))
    audible = np.flatnonzero(np.abs(samples) > 0.01)
    said = soxr.resample(samples[audible[0] : audible[-1] + 1], rate, SAMPLE_RATE)
    return np.asarray(at_level(said, SPEECH_DBFS))


def pcm(sound: Sound) -> bytes:
    """The sound as s16le."""
    return bytes(np.clip(np.round(sound * 32768), -32768, 32767).astype("<i2").tobytes())


def silence(seconds: float) -> Sound:
    """A quiet room."""
    return np.asarray(noise("pink", ROOM_DBFS, seconds))


@dataclass
class Room:
    """What happens in it, second by second. echo: how loud the microphone hears the loudspeaker, 0 to 1.

    replies: what the model writes, one reply after the other. told: all events.
    """

    options: SessionOptions
    replies: Sequence[str]
    echo: float = 0.0
    told: list[events.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        scorer = make_scorer(VadOptions())
        self._session = make_session(self.options, scorer, "en", reply=commands.ReplyMode.AUDIO)
        self._out: tuple[float, DecodeJob] | None = None
        self._now = 0.0
        self._loudspeaker = np.zeros(0)
        self._written = 0
        self._asked: dict[int, str] = {}
        self._answered: list[int] = []

    def play(self, says: Sequence[tuple[float, str]], seconds: float) -> None:
        """The user types something, and says each text so many seconds after that."""
        room = silence(seconds)
        for at_s, text in says:
            begin = round(at_s * SAMPLE_RATE)
            said = voice(text, "en-gb")
            room[begin : begin + len(said)] += said
        self._session.receive_command(commands.TypeText("hello"), 0.0)
        self._perform()
        for begin in range(0, len(room) - WINDOW_SAMPLES, WINDOW_SAMPLES):
            self._now += WINDOW_MS / 1000
            self._session.receive_audio(pcm(self._at_microphone(room, begin)), self._now)
            self._answer()
            self._perform()

    @property
    def reasons(self) -> list[str]:
        """Why each reply was over."""
        return [event.reason.value for event in self.told if isinstance(event, events.ReplyDone)]

    @property
    def answered(self) -> list[str]:
        """The user messages that were answered."""
        return [self._asked[attempt] for attempt in self._answered]

    def _at_microphone(self, room: Sound, begin: int) -> Sound:
        delayed = begin - round(ECHO_DELAY_S * SAMPLE_RATE)
        echo = self._loudspeaker[max(0, delayed) : max(0, delayed + WINDOW_SAMPLES)]
        mixed = room[begin : begin + WINDOW_SAMPLES].copy()
        mixed[: len(echo)] += self.echo * echo
        return mixed

    def _answer(self) -> None:
        if self._out is not None and self._out[0] <= self._now:
            (_, job), self._out = self._out, None
            self._session.receive_recognition(decode()(job), self._now)

    def _perform(self) -> None:
        while taken := self._session.actions():
            for action in taken:
                self._do(action)

    def _do(self, action: actions.Action) -> None:
        match action:
            case actions.SendEvent(event):
                self.told.append(event)
            case actions.Recognize(job):
                self._out = (self._now + DECODE_S, job)
            case actions.Respond(attempt=attempt, messages=messages, speculative=speculative):
                self._asked[attempt] = messages[-1].content
                self._answered += [] if speculative else [attempt]
                self._session.replies.receive_piece(attempt, self.replies[self._written], self._now)
                self._session.replies.receive_end(attempt, None, self._now)
                self._written = min(self._written + 1, len(self.replies) - 1)
            case actions.ConfirmReply(attempt):
                self._answered.append(attempt)
            case actions.Speak(turn, number, text):
                self._session.speech.receive_audio(turn, number, pcm(voice(text)), self._now)
                self._session.replies.receive_audio_end(turn, number, None, self._now)
            case actions.Play(audio=audio):
                played = np.frombuffer(audio, dtype="<i2") / 32768
                waited = np.zeros(max(0, round(self._now * SAMPLE_RATE) - len(self._loudspeaker)))
                self._loudspeaker = np.concatenate([self._loudspeaker, waited, played])
            case _:
                pass
