"""Scores windows for speech; the only importer of the VAD runtimes (webrtcvad, and Silero on onnxruntime).

webrtcvad costs next to nothing but judges by absolute level: steady noise above about -30 dBFS is speech to
it for as long as it lasts, and once it has heard quiet it takes seconds to follow a louder room. Speech,
though, it still finds 25 dB further down. So the noise floor is tracked by minimum statistics, the window
is attenuated until the floor lies where webrtcvad is sure of it, and a step of the floor starts it afresh.
Below -40 dBFS it misses quiet syllables. So in a quiet room the window is amplified until the floor lies at
-50 dBFS, but no further than recent speech needs: a quiet microphone is heard like any other.
Two limits then correct its verdict: a sound no louder than the floor is not speech, and the 60 to 100 ms by
which it prolongs every word end where the level has dropped away.
"""

import math
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voicegw.asr.upper_band import with_upper_band
from voicegw.core.audio import SAMPLE_RATE, WINDOW_SAMPLES, Pcm
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.options import option
from voicegw.core.resample import to_int16
from voicegw.errors import ModelUnavailable

FULL_SCALE_POWER = 32768.0**2
DIGITAL_SILENCE_DBFS = -80.0  # muted, lost or G.711-idle audio: says nothing about the room
DISTINCT_DBFS = -25.0  # of the loudest 20 ms of speech, from which Silero is sure of it
MAX_SPEECH_GAIN_DB = 30.0
MEAN = np.full(WINDOW_SAMPLES, 1 / WINDOW_SAMPLES, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class VadOptions:
    """What judges a window.

    webrtc costs 9 us a window and is quick at onsets and ends; silero costs 70 us, is surer in loud noise and
    rumble, and is 60 ms later at onsets.
    """

    engine: Literal["webrtc", "silero"] = option("webrtc", "what tells speech from noise: webrtc or silero")


def make_scorer(options: VadOptions) -> SpeechScorer:
    """A scorer for one session. Raises ModelUnavailable when the Silero model is not installed."""
    return SileroScorer() if options.engine == "silero" else WebRtcScorer()


def dbfs(power: float) -> float:
    """A mean square of int16 samples in dB relative to full scale, from -120 up."""
    return 10 * math.log10(max(power / FULL_SCALE_POWER, 1e-12))


class NoiseFloor:
    """The level below which a stream has not fallen lately, by minimum statistics (R. Martin, 2001).

    The minimum, over eight spans of 200 ms, of the power averaged over 80 ms: speech dips to the noise
    between its words within that time, noise that gets louder is followed after at most 1.9 s, and quieter
    noise at once. Digital silence is no information: it makes the minimum neither lower nor known.
    """

    AVERAGED_WINDOWS = 4
    SPAN_WINDOWS = 10
    SPANS = 8
    BIAS_DB = 1.0  # by how much the minimum underestimates steady noise

    def __init__(self) -> None:
        self._powers: list[float] = []
        self._minima = [math.inf] * self.SPANS
        self._minimum = math.inf
        self._windows = 0

    def receive(self, power: float) -> float:
        """Takes in the next window's mean square; the floor in dBFS."""
        self._powers = [*self._powers, power][-self.AVERAGED_WINDOWS :]
        self._minimum = min(self._minimum, sum(self._powers) / len(self._powers))
        floor = min(self._minimum, min(self._minima))
        self._advance()
        return dbfs(floor) + self.BIAS_DB

    def receive_silence(self) -> None:
        """Takes in a window of digital silence: only time passes."""
        self._advance()

    def _advance(self) -> None:
        self._windows += 1
        if self._windows == self.SPAN_WINDOWS:
            self._minima = [*self._minima[1:], self._minimum]
            self._minimum, self._windows = math.inf, 0


class WebRtcScorer:
    """webrtcvad on windows at a level by the noise floor; the score is the voiced share of the last few.

    In clean speech the score reaches one half 45 ms after an onset and falls below it 50 ms after the last
    word (medians, the window's own 20 ms included; the 90th percentiles are 70 and 80 ms).
    """

    MODE = 2  # webrtcvad's aggressiveness; this one keeps attenuated speech best
    SMOOTHING_WINDOWS = 3  # that the score averages
    NOISE_TARGET_DBFS = -35.0  # level down to which steady noise is attenuated
    MAX_ATTENUATION_DB = 25.0
    TAIL_DROP_DB = 30.0  # fall below recent speech that ends a word at once
    FLOOR_STEP_DB = 9.0  # a rise of the floor that webrtcvad would take seconds to follow
    RISE_DB = 1.5  # what the louder of the last windows must exceed the floor by to be speech
    RISE_WINDOWS = 3
    WARMING_WINDOWS = 5
    TAIL_DECAY_DB = 0.2  # how fast the level of recent speech is forgotten, per window
    QUIET_FLOOR_DBFS = -50.0  # up to which a softer floor is amplified
    LOUD_ENOUGH_DBFS = -20.0  # speech is not amplified above this
    MAX_GAIN_DB = 30.0
    LOUDNESS_DECAY_DB = 0.02  # how fast it is forgotten that speech was loud, per window

    def __init__(self) -> None:
        import webrtcvad

        self._start_vad = partial(webrtcvad.Vad, self.MODE)
        self._floor = NoiseFloor()
        self._lowest_floor = math.inf  # since webrtcvad was last started
        self._levels: list[float] = []
        self._speech_level = -math.inf
        self._loudness = -math.inf  # of recent speech; forgotten slowly
        self._voiced = [False] * self.SMOOTHING_WINDOWS
        self._vad: Any = None

    def score(self, window: Pcm) -> float:
        """The share of the last windows, this one included, that were voiced."""
        self._voiced = [*self._voiced[1:], self._is_voiced(window)]
        return sum(self._voiced) / len(self._voiced)

    def _is_voiced(self, window: Pcm) -> bool:
        samples = window.astype(np.float32)
        power = _power(samples) if np.count_nonzero(window) else 0.0
        level = dbfs(power)
        self._levels = [*self._levels, level][-self.RISE_WINDOWS :]
        self._speech_level -= self.TAIL_DECAY_DB
        self._loudness -= self.LOUDNESS_DECAY_DB
        if level < DIGITAL_SILENCE_DBFS:
            self._floor.receive_silence()
            return False
        floor = self._floor.receive(power)
        sounds_voiced = self._judge(samples, floor) and max(self._levels) > floor + self.RISE_DB
        if sounds_voiced:
            self._speech_level = max(self._speech_level, level)
            self._loudness = max(self._loudness, level)
        return sounds_voiced and level > self._speech_level - self.TAIL_DROP_DB

    def _judge(self, samples: NDArray[np.float32], floor: float) -> bool:
        """webrtcvad's verdict on the window at the level that suits it."""
        pcm = _amplified(samples, 10 ** (self._gain_db(floor) / 20)).tobytes()
        if self._vad is None or floor > self._lowest_floor + self.FLOOR_STEP_DB:
            self._restart(pcm, floor)
        self._lowest_floor = min(self._lowest_floor, floor)
        return bool(self._vad.is_speech(pcm, SAMPLE_RATE))

    def _gain_db(self, floor: float) -> float:
        """By how much the window is amplified, or below 0 attenuated."""
        excess_db = floor - self.NOISE_TARGET_DBFS
        if excess_db > 0:
            return -min(excess_db, self.MAX_ATTENUATION_DB)
        wanted_db = min(self.QUIET_FLOOR_DBFS - floor, self.LOUD_ENOUGH_DBFS - self._loudness)
        return min(max(wanted_db, 0.0), self.MAX_GAIN_DB)

    def _restart(self, pcm: bytes, floor: float) -> None:
        """Starts webrtcvad with no memory of the room.

        Whatever it hears first it calls speech for a few windows; it hears `pcm` that often beforehand.
        """
        self._vad = self._start_vad()
        self._lowest_floor = floor
        for _ in range(self.WARMING_WINDOWS):
            self._vad.is_speech(pcm, SAMPLE_RATE)


def _power(samples: NDArray[np.float32]) -> float:
    """The mean square of a window without its mean."""
    return float(samples @ samples) / WINDOW_SAMPLES - float(samples @ MEAN) ** 2


class SileroScorer:
    """Silero v6, which ships with faster-whisper, fed as a stream; holds its score between its chunks.

    The model takes 512 samples at a time, with the 64 before them, so a score is up to 40 ms old.
    """

    CHUNK_SAMPLES = 512
    CONTEXT_SAMPLES = 64

    def __init__(self) -> None:
        self._session = _silero_session()
        self._audio = np.zeros(self.CONTEXT_SAMPLES, dtype=np.float32)
        self._h = np.zeros((1, 1, 128), dtype=np.float32)
        self._c = np.zeros((1, 1, 128), dtype=np.float32)
        self._score = 0.0

    def score(self, window: Pcm) -> float:
        """The speech probability of the last whole chunk."""
        self._audio = np.concatenate([self._audio, window * np.float32(1 / 32768)])
        if len(self._audio) >= self.CONTEXT_SAMPLES + self.CHUNK_SAMPLES:
            chunk = self._audio[None, : self.CONTEXT_SAMPLES + self.CHUNK_SAMPLES]
            self._audio = self._audio[self.CHUNK_SAMPLES :]
            inputs = {"input": chunk, "h": self._h, "c": self._c}
            probability, self._h, self._c = self._session.run(None, inputs)
            self._score = float(probability.item())
        return self._score


def speech_probability(pcm: bytes, enough: float = 1.0) -> float:
    """The highest probability of speech that Silero gives any part of a window of s16le at 16 kHz. It stops
    listening at the first part that has more than `enough`.

    Quiet audio is amplified first: Silero takes quiet speech for noise, but noise at no level for speech.
    That of a telephone line gets an upper band.
    """
    scorer, audio = SileroScorer(), with_upper_band(np.frombuffer(pcm, dtype="<i2").astype(np.float32))
    windows = audio[: len(audio) - len(audio) % WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    gain = _speech_gain(windows)
    highest = 0.0
    for window in windows:
        highest = max(highest, scorer.score(_amplified(window, gain)))
        if highest > enough:
            break
    return highest


def _speech_gain(windows: NDArray[np.float32]) -> float:
    """The factor that makes the loudest window loud enough; at least 1."""
    loudest = dbfs(float((windows**2).mean(axis=1).max(initial=0.0)))
    return float(10 ** (min(max(DISTINCT_DBFS - loudest, 0.0), MAX_SPEECH_GAIN_DB) / 20))


def _amplified(samples: NDArray[np.float32], gain: float) -> Pcm:
    return to_int16(samples * np.float32(gain))


@cache
def _silero_session() -> Any:
    """The model, loaded once per process: it keeps no state between calls, so sessions share it.

    Its file is found without importing faster-whisper, whose runtime the gateway process does not need.
    """
    package = find_spec("faster_whisper")
    if package is None or package.origin is None:
        raise ModelUnavailable("the silero engine needs the faster-whisper package")
    model = Path(package.origin).parent / "assets" / "silero_vad_v6.onnx"
    if not model.exists():
        raise ModelUnavailable(f"the installed faster-whisper does not hold {model.name}")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
