"""The cost of one 20 ms frame in the gateway, by step and in total, and of encoding a message.

Run by `scripts/bench frames`. A stream brings 50 frames a second, so 20 us a frame is 0.1 % of a core.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.simulation import make_session
from clients.audio import frames, read_pcm
from clients.samples import sample_named
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.core import events
from voicegw.core.actions import Recognize
from voicegw.core.audio import AudioFormat, Framer, InputDecoder, Pcm
from voicegw.core.endpoint import Endpointer, EndpointOptions
from voicegw.core.hypothesis import Hypothesis, HypothesisOptions
from voicegw.core.jobs import DecodeResult, Word
from voicegw.core.session import SessionOptions
from voicegw.dialects import native

RATE = 16_000
FRAME_S = 0.02


@pytest.fixture(scope="module")
def speech() -> list[bytes]:
    """The frames of the sample conversation."""
    pcm = read_pcm(sample_named("conversation.wav").path, RATE)
    return [frame for frame in frames(pcm, RATE) if len(frame) == RATE // 50 * 2]


@pytest.fixture
def endless(speech: list[bytes]) -> Iterator[bytes]:
    """The conversation, repeated endlessly."""
    return itertools.cycle(speech)


@pytest.fixture
def windows(speech: list[bytes]) -> Iterator[Pcm]:
    """The same as windows of samples."""
    return itertools.cycle([np.frombuffer(frame, dtype="<i2") for frame in speech])


def said(count: int) -> tuple[Word, ...]:
    """An utterance of `count` words."""
    return tuple(Word(f"word{n}", n * 4000, n * 4000 + 3000, 0.9) for n in range(count))


@pytest.mark.parametrize(
    ("audio_format", "rate"), [("pcm_s16le", 16_000), ("mulaw", 8000), ("pcm_s16le", 48_000)]
)
def test_decode_input(benchmark: BenchmarkFixture, audio_format: str, rate: int) -> None:
    """Bytes to samples at 16 kHz."""
    width = 1 if audio_format == "mulaw" else 2
    decoder, frame = InputDecoder(AudioFormat(audio_format), rate), bytes(range(160)) * (rate // 8000) * width
    assert len(benchmark(decoder.decode, frame)) in range(300, 341)


def test_frame(benchmark: BenchmarkFixture, windows: Iterator[Pcm]) -> None:
    """Samples to windows."""
    framer = Framer()
    assert len(benchmark(lambda: list(framer.push(next(windows))))) == 1


@pytest.mark.parametrize("options", [VadOptions(), VadOptions(engine="silero")], ids=["webrtc", "silero"])
def test_score(benchmark: BenchmarkFixture, windows: Iterator[Pcm], options: VadOptions) -> None:
    """A window to a speech score."""
    scorer = make_scorer(options)
    assert 0 <= benchmark(lambda: scorer.score(next(windows))) <= 1


def test_endpoint(benchmark: BenchmarkFixture) -> None:
    """A score to a boundary: 2 s of speech and 2 s of silence, repeated."""
    endpointer, scores = Endpointer(EndpointOptions()), itertools.cycle([1.0] * 100 + [0.0] * 100)
    benchmark(lambda: endpointer.receive(next(scores)))
    assert endpointer.position > 0


def test_whole_frame(benchmark: BenchmarkFixture, endless: Iterator[bytes]) -> None:
    """All steps, in a session whose decodes are answered at once with the same few words."""
    session = make_session(SessionOptions(), make_scorer(VadOptions()))
    clock = itertools.count()

    def frame() -> None:
        now = next(clock) * FRAME_S
        session.receive_audio(next(endless), now)
        actions = session.actions()
        while actions:
            action = actions.pop(0)
            if isinstance(action, Recognize):
                answer = DecodeResult("bench", action.request.number, said(5))
                session.receive_recognition(answer, now)
                actions += session.actions()

    benchmark(frame)
    assert next(clock) > 0


@pytest.mark.parametrize("words", [3, 12, 40])
def test_update_hypothesis(benchmark: BenchmarkFixture, words: int) -> None:
    """A decode that agrees with the ones before and adds one word."""
    first, second, third = said(words - 2), said(words - 1), said(words)

    def update() -> int:
        hypothesis, options = Hypothesis(), HypothesisOptions()
        for decoded in (first, second, third):
            hypothesis.update(decoded, decoded[-1].end, options, paused=False)
        return len(hypothesis.stable)

    assert benchmark(update) > 0


def test_encode_partial(benchmark: BenchmarkFixture) -> None:
    """A partial to its text frame."""
    partial = events.PartialTranscript(1, "set the lights in the", "kitchen to blue", 48_000)
    assert b'"type":"partial"' in benchmark(native.encode, partial, 7)


@pytest.mark.parametrize("words", [3, 12])
def test_encode_final(benchmark: BenchmarkFixture, words: int) -> None:
    """A final with its words to its text frame."""
    final = events.FinalTranscript(1, "so many words", said(words), 0, 48_000)
    assert b'"type":"final"' in benchmark(native.encode, final, 7)


def test_decode_message(benchmark: BenchmarkFixture) -> None:
    """A JSON message of the client to a command."""
    assert benchmark(native.decode, '{"type":"configure","end_silence_ms":300}').end_silence_ms == 300
