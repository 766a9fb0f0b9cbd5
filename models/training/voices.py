"""The voices: which are trained, which are held out, and how a voice is drawn and speaks a sentence."""

import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import soxr
from numpy.typing import NDArray

from models.training.espeak import Espeak, Rendering
from models.training.festival import VOICES as FESTIVAL_PITCH_HZ
from models.training.festival import Festival
from models.training.flite import VOICES as FLITE_PITCH_HZ
from models.training.flite import Flite
from models.training.wordlists import words

SAMPLE_RATE = 16000
_PEAK = 20000  # of 32767, after levelling
_ACCENTS = (
    ["en-us"] * 6
    + ["gmw/en"] * 2
    + ["en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"]
)
_TRAINED_VARIANTS = [
    *words("f1 f2 f3 f5 m1 m2 m3 m4 m6 m7 m8 klatt klatt2 klatt3 klatt4 Andy Annie Alex Alicia Andrea Denis"),
    *words("Gene Henrique Hugo Jacky Marco Mario Michael Mike Diogo adam anika antonio aunty benjamin boris"),
    *words(
        "caleb david edward edward2 gustave iven iven2 iven3 john linda marcelo miguel norbert pablo paul"
    ),
    *words("pedro rob robert sandro shelby steph steph2 travis victor"),
    *("", "", ""),  # espeak-ng's own voice
]
_HELD_OUT_VARIANTS = words("f4 m5 max michel belinda quincy ed Lee")
_TRAINED_FLITE = ["slt", "awb", "kal16"]
_HELD_OUT_FLITE = ["rms"]
_FLITE_SHARE = {False: 0.42, True: 0.25}  # by held_out: one held-out voice in four is flite's
# Pitches beyond a voice's own make it another speaker; those who are held out keep theirs.
_PITCH = {False: (0.55, 1.35), True: (0.8, 1.25)}  # by held_out: of flite and Festival, relative
_FESTIVAL = ["ked", "ked", "kal", "slt"]  # all trained; only ked is a speaker whom flite does not have


@dataclass(frozen=True)
class Voice:
    """A voice and its manner. `pace` above 1 is faster; pitches are relative to the voice's usual one."""

    engine: str
    name: str
    pace: float
    pitch: float
    pitch_range: int

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"


@dataclass(frozen=True)
class Utterance:
    """A spoken sentence at 16 kHz, cut to its speech; times are samples. Phones carry names of the engine."""

    text: str
    kind: str
    voice: str
    samples: NDArray[np.int16]
    word_starts: NDArray[np.int32]
    word_ends: NDArray[np.int32]
    phones: list[tuple[int, str]]


def draw_voice(rng: random.Random, held_out: bool = False) -> Voice:
    """A random voice of espeak-ng or flite at a random natural pace and pitch."""
    pace, pitch_range = rng.uniform(0.75, 1.3), rng.randint(25, 75)
    if rng.random() < _FLITE_SHARE[held_out]:
        name = rng.choice(_HELD_OUT_FLITE if held_out else _TRAINED_FLITE)
        return Voice("flite", name, pace, rng.uniform(*_PITCH[held_out]), pitch_range)
    variant = rng.choice(_HELD_OUT_VARIANTS if held_out else _TRAINED_VARIANTS)
    name = f"{rng.choice(_ACCENTS)}+{variant}".rstrip("+")
    return Voice("espeak", name, pace, rng.uniform(0.4, 1.6), pitch_range)


def draw_festival_voice(rng: random.Random) -> Voice:
    """A random voice of Festival at a random natural pace and pitch; all of them are trained."""
    pace, pitch_range = rng.uniform(0.75, 1.3), rng.randint(25, 75)
    return Voice("festival", rng.choice(_FESTIVAL), pace, rng.uniform(*_PITCH[False]), pitch_range)


class Speaker:
    """All synthesizers behind one call; one instance for a process. Festival starts when it first speaks."""

    def __init__(self) -> None:
        self._espeak, self._flite = Espeak(), Flite()

    @cached_property
    def _festival(self) -> Festival:
        return Festival()

    def speak(self, text: str, voice: Voice, kind: str = "") -> Utterance | None:
        """The sentence in that voice, or None where the synthesizer's words are not the written ones."""
        rendering = self._render(text, voice)
        if rendering is None or len(rendering.word_starts) != len(text.split()):
            return None
        samples = rendering.samples.astype(np.float32)
        if rendering.rate != SAMPLE_RATE:
            samples = soxr.resample(samples, rendering.rate, SAMPLE_RATE)
        factor = SAMPLE_RATE / rendering.rate
        starts = (np.array(rendering.word_starts) * factor).astype(np.int32)
        ends = np.append(starts[1:], len(samples)).astype(np.int32)
        if rendering.word_ends is not None:
            ends = (np.array(rendering.word_ends) * factor).astype(np.int32)
        samples *= _PEAK / max(1.0, float(np.abs(samples).max()))
        ends = np.array(
            [_last_sound(samples, int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
        )
        loud = np.flatnonzero(np.abs(samples) > 100)
        if len(loud) == 0:
            return None
        first, last = max(0, int(loud[0]) - 320), min(len(samples), int(loud[-1]) + 800)
        phones = [(max(0, int(time * factor) - first), name) for time, name in rendering.phones]
        return Utterance(
            text=text,
            kind=kind,
            voice=str(voice),
            samples=samples[first:last].astype(np.int16),
            word_starts=np.clip(starts - first, 0, last - first).astype(np.int32),
            word_ends=np.clip(ends - first, 0, last - first).astype(np.int32),
            phones=[phone for phone in phones if phone[0] < last - first],
        )

    def _render(self, text: str, voice: Voice) -> Rendering | None:
        if voice.engine == "flite":
            return self._flite.say(text, voice.name, 1 / voice.pace, FLITE_PITCH_HZ[voice.name] * voice.pitch)
        if voice.engine == "festival":
            pitch_hz = FESTIVAL_PITCH_HZ[voice.name] * voice.pitch
            return self._festival.say(text, voice.name, 1 / voice.pace, pitch_hz, voice.pitch_range)
        return self._espeak.say(
            text, voice.name, round(175 * voice.pace), round(50 * voice.pitch), voice.pitch_range
        )


def _last_sound(samples: NDArray[np.float32], start: int, end: int) -> int:
    """End of the last 10 ms of samples[start:end] that are above the floor."""
    step = SAMPLE_RATE // 100
    count = (end - start) // step
    if count < 2:
        return end
    energy = np.sqrt((samples[start : start + count * step].reshape(count, step) ** 2).mean(axis=1))
    loud = np.flatnonzero(energy > 0.02 * _PEAK)
    return int(start + (loud[-1] + 1) * step) if len(loud) else end
