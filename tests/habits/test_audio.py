"""What microphones, lines and clients do to speech, and what is heard of it then.

The core, the voice activity detector and a model hear each row on a simulated clock; what is seen are the
finals, in plain words, or what is told of audio that was declared wrongly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from benchmarks.noisy_speech import at_level, noise
from benchmarks.simulation import Decode, Decoder, Stream, make_session
from clients.conversation import normalised
from clients.samples import Utterance, read_samples
from tests.habits.room import Sound, decode, pcm, silence, voice
from tests.habits.table import Habit, rows
from tests.speech import pcm as pcm_of
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.weights import BUNDLED
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core import events
from voicegw.core.actions import SendEvent
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES, to_samples
from voicegw.core.session import SessionOptions
from voicegw.dialects import native

Heard = list[str]


@dataclass(frozen=True)
class Line:
    """What is sent. sound: makes it. frame_ms: how much of it is in a message. model: that hears it.
    max_utterance_ms: when an utterance is cut."""

    sound: Callable[[], Sound]
    frame_ms: int = 20
    model: str = BUNDLED
    max_utterance_ms: int = 25_000


@cache
def sentence(text: str) -> tuple[Sound, Utterance, int]:
    """A clean recording of it with 300 ms on both sides, its reference, and its begin in the file in ms."""
    for sample in read_samples():
        for said in sample.utterances:
            if plain(said.text) == text and sample.condition == "clean":
                whole = np.frombuffer(pcm_of(sample), dtype="<i2") / 32768
                begin_ms = max(0, said.start_ms - 300)
                return whole[to_samples(begin_ms) : to_samples(said.end_ms + 300)], said, begin_ms
    raise AssertionError(f"no sample says {text!r}")


def gap(text: str, behind: int, milliseconds: int, level: float = 0.0) -> Callable[[], Sound]:
    """The sentence with a gap behind so many of its words: digital silence, or noise with this amplitude."""

    def make() -> Sound:
        sound, said, begin_ms = sentence(text)
        place_ms = (said.words[behind - 1].end_ms + said.words[behind].start_ms) // 2 - begin_ms
        place = to_samples(place_ms)
        hole = level * np.random.default_rng(0).standard_normal(to_samples(milliseconds))
        return np.concatenate([sound[:place], hole, sound[place:], np.zeros(SAMPLE_RATE)])

    return make


def alone(text: str, name: str, before_ms: int = 0) -> Callable[[], Sound]:
    """One voice, so long after the first sample."""
    return lambda: np.concatenate([silence(1)[: to_samples(before_ms)], voice(text, name), silence(1)])


def at(level_dbfs: float, text: str, room_db: float) -> Callable[[], Sound]:
    """A microphone that makes speech so loud, with its room so far below."""

    def make() -> Sound:
        sound, _, _ = sentence(text)
        quiet = np.concatenate([np.zeros(8000), at_level(sound, level_dbfs), np.zeros(SAMPLE_RATE)])
        return np.asarray(quiet + noise("pink", level_dbfs + room_db, len(quiet) / SAMPLE_RATE))

    return make


def without_a_pause(*texts: str) -> Callable[[], Sound]:
    """Sentences in a row, with 100 ms between them."""

    def make() -> Sound:
        said = [sentence(text)[0][to_samples(250) : -to_samples(250)] for text in texts]
        return np.concatenate([silence(0.3), *said, silence(1)])

    return make


BILL = "why is my bill so high"
EGGS = "tell me how to make eggs"
TIMER = "great set the timer for four minutes"
MILLER = "the booking is for daniel miller"
ROW = (TIMER, BILL, EGGS)

HABITS = [
    Habit("digital gap", "0.35 s, last words", Line(gap(TIMER, 5, 350)), [TIMER]),
    Habit("digital gap", "0.45 s, last words", Line(gap(BILL, 3, 450)), [BILL]),
    Habit("digital gap", "0.3 s, last word", Line(gap(EGGS, 5, 300)), [EGGS]),
    Habit("digital gap", "0.45 s, two words", Line(gap(EGGS, 4, 450)), [EGGS]),
    Habit("digital gap", "0.4 s, a name", Line(gap(MILLER, 4, 400)), [MILLER]),
    Habit("digital gap", "0.45 s, half of the sentence", Line(gap(TIMER, 3, 450)), [TIMER]),
    Habit("digital gap", "a noise gate's hiss", Line(gap(BILL, 4, 400, 1e-4)), [BILL]),
    Habit("digital gap", "0.7 s is a new turn", Line(gap(EGGS, 3, 700)), ["tell me how", "to make eggs"]),
    Habit("digital gap", "Whisper base, 0.35 s", Line(gap(EGGS, 4, 350), model="base"), [EGGS]),
    Habit("digital gap", "Whisper base, 0.45 s", Line(gap(MILLER, 4, 450), model="base"), [MILLER]),
    Habit("first frame", "yes", Line(alone("yes", "en-us")), ["yes"]),
    Habit("first frame", "no", Line(alone("no", "en-gb")), ["no"]),
    Habit("first frame", "no, a low voice", Line(alone("no", "en-us+m3")), ["no"]),
    Habit("first frame", "no, a high voice", Line(alone("no", "en-gb+f2")), ["no"]),
    Habit("first frame", "stop", Line(alone("stop", "en-gb")), ["stop"]),
    Habit("first frame", "three", Line(alone("three", "en-us+f3")), ["three"]),
    Habit("first frame", "Whisper base, yes", Line(alone("yes", "en-us"), model="base"), ["yes"]),
    Habit("first frame", "Whisper base, no", Line(alone("no", "en-us"), model="base"), ["no"]),
    Habit("first frame", "a word after 50 ms", Line(alone("no", "en-us+m3", 50)), ["no"]),
    Habit("first frame", "a word after 300 ms", Line(alone("no", "en-us+m3", 300)), ["no"]),
    Habit("quiet microphone", "-30 dBFS", Line(at(-30, TIMER, -30)), [TIMER]),
    Habit("quiet microphone", "-40 dBFS", Line(at(-40, TIMER, -30)), [TIMER]),
    Habit("quiet microphone", "-50 dBFS", Line(at(-50, TIMER, -25)), [TIMER]),
    Habit("quiet microphone", "-56 dBFS", Line(at(-56, TIMER, -25)), [TIMER]),
    Habit("quiet microphone", "Whisper base, -50 dBFS", Line(at(-50, EGGS, -25), model="base"), [EGGS]),
    Habit("quiet microphone", "nobody speaks", Line(lambda: np.asarray(noise("pink", -75, 5))), []),
    Habit(
        "long utterance",
        "cut between words",
        Line(without_a_pause(*ROW), max_utterance_ms=4000),
        [TIMER, f"{BILL} {EGGS}"],
    ),
    Habit("long frames", "0.2 s", Line(without_a_pause(*ROW), 200), [" ".join(ROW)]),
    Habit("long frames", "1 s", Line(without_a_pause(*ROW), 1000), [" ".join(ROW)]),
    Habit("long frames", "2 s", Line(without_a_pause(*ROW), 2000), [" ".join(ROW)]),
]


@cache
def base() -> Decode:
    """Whisper base, greedy: what it hears does not hang on the beam here."""
    return Decoder(WhisperOptions(model="base")).with_beam(1)


def finals(line: Line) -> Heard:
    """What is heard of it, turn by turn, in plain words; turns without words left out."""
    options = SessionOptions()
    endpoint = replace(options.endpoint, max_utterance_ms=line.max_utterance_ms)
    recognition = replace(options.recognition, partial_interval_ms=1000 if line.model == "base" else 250)
    session = make_session(
        replace(options, endpoint=endpoint, recognition=recognition), make_scorer(VadOptions()), "en"
    )
    heard_by = base() if line.model == "base" else decode()
    received = Stream(session, heard_by, 0.03, None).play(pcm(line.sound()), line.frame_ms)
    texts = [one.message.text for one in received if isinstance(one.message, native.FinalMessage)]
    return [plain(text) for text in texts if text]


def plain(text: str) -> str:
    return " ".join(normalised(text))


@pytest.mark.parametrize("habit", rows(HABITS))
def test_habit(habit: Habit[Line]) -> None:
    assert finals(habit.given) == habit.expected


def floating_point(sound: Sound) -> bytes:
    """As the Web Audio API gives it."""
    return sound.astype("<f4").tobytes()


def two_channels(sound: Sound) -> bytes:
    """The same voice in both."""
    return pcm(np.repeat(sound, 2))


DECLARED_WRONGLY = [
    Habit("declared as pcm_s16le", "and it is", pcm, []),
    Habit("declared as pcm_s16le", "floating point", floating_point, ["32-bit floating point"]),
    Habit("declared as pcm_s16le", "two channels", two_channels, ["two channels"]),
]


def told(data: bytes, frame_bytes: int) -> list[str]:
    """What the audio looks like, by the messages of a session that gets a frame every 20 ms."""
    session = make_session(SessionOptions(), make_scorer(VadOptions()))
    emitted: list[events.Event] = []
    for number, begin in enumerate(range(0, len(data), frame_bytes)):
        session.receive_audio(data[begin : begin + frame_bytes], number * WINDOW_MS / 1000)
        emitted += [action.event for action in session.actions() if isinstance(action, SendEvent)]
    faults = [event for event in emitted if isinstance(event, events.Fault)]
    assert {fault.code for fault in faults} <= {"audio_misdeclared"}
    return [fault.message.partition("looks like ")[2].partition(";")[0] for fault in faults]


@pytest.mark.parametrize("habit", rows(DECLARED_WRONGLY))
def test_audio_that_was_declared_wrongly_is_told(habit: Habit[Callable[[Sound], bytes]]) -> None:
    sound = np.concatenate([sentence(text)[0] for text in (*ROW, MILLER)])[: to_samples(4800)]
    data = habit.given(sound)
    assert told(data, len(data) * WINDOW_SAMPLES // len(sound)) == habit.expected
