"""Sessions in which turns were said and heard at known times."""

from benchmarks.capacity.load import Cpu, Run
from benchmarks.capacity.speaker import Spoken
from benchmarks.recording import Received, Recording
from clients.samples import SpokenWord, Utterance
from voicegw.core.events import EndReason
from voicegw.dialects import native


def turn(number: int, begin_ms: int) -> tuple[Utterance, list[Received]]:
    """An utterance of two words in one second, and a partial 100 ms and a final 800 ms after its end."""
    words = (
        SpokenWord("good", begin_ms, begin_ms + 500),
        SpokenWord("morning", begin_ms + 500, begin_ms + 1000),
    )
    end_ms = begin_ms + 1000
    at_s = 100 + end_ms / 1000
    received = [
        Received(at_s - 0.9, native.SpeechStartedMessage(seq=1, turn=number, at_ms=begin_ms)),
        Received(
            at_s + 0.1,
            native.PartialMessage(seq=2, turn=number, stable="good", tentative="morning", audio_ms=end_ms),
        ),
        Received(
            at_s + 0.5,
            native.SpeechStoppedMessage(seq=3, turn=number, at_ms=end_ms, reason=EndReason.SILENCE),
        ),
        Received(
            at_s + 0.8,
            native.FinalMessage(
                seq=4, turn=number, text="Good morning.", words=[], start_ms=begin_ms, end_ms=end_ms
            ),
        ),
    ]
    return Utterance("Good morning.", begin_ms, end_ms, words), received


def spoken(*begins_ms: int, length_ms: int = 20_000) -> Spoken:
    """A session that began at second 100, with these turns, and every sample acknowledged."""
    turns = [turn(number, begin_ms) for number, begin_ms in enumerate(begins_ms)]
    received = [item for _, items in turns for item in items]
    received.append(Received(120.0, native.AckedMessage(seq=9, samples=16 * length_ms)))
    recording = Recording("", 100.0, 16 * length_ms, 16_000, 0.0, tuple(received))
    return Spoken(recording, tuple(said for said, _ in turns), (1.0, 2.0))


def run(*sessions: Spoken) -> Run:
    """10 s of steady state, from 5 s after the sessions' begin."""
    return Run(sessions, 105.0, 115.0, Cpu(1.0, 2.0, 0.5, 4.0), memory_bytes=400_000_000)
