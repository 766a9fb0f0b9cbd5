"""Contract 3, with the real detector and the real model: what is not speech makes no words."""

from itertools import cycle

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.simulation import make_session
from tests.speech import pcm, said, single_utterances, word_error_rate
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core import events
from voicegw.core.actions import Recognize, SendEvent
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.commands import Command, Commit, End
from voicegw.core.session import SessionOptions

Sound = NDArray[np.float64]
SECONDS = 6
FRAME_BYTES = 640
TIME: Sound = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
NOTES_HZ = (262, 330, 392, 440)


def tone(hertz: float) -> Sound:
    return np.sin(2 * np.pi * hertz * TIME)


def struck(sound: Sound, every_s: float = 0.5) -> Sound:
    """A sound that begins anew all the time and dies away, as a plucked string."""
    since = TIME % every_s
    return sound * np.minimum(1, since / 0.02) * np.exp(-4 * since)


def noise(seed: int) -> Sound:
    return np.random.default_rng(seed).normal(size=len(TIME))


NOT_SPEECH = {
    "silence": 0 * TIME,
    "noise": noise(1),
    "tone": tone(440),
    "hum": tone(50) + 0.5 * tone(150),
    "notes": struck(tone(440)),
    "chords": struck(sum((tone(hertz) for hertz in NOTES_HZ), 0 * TIME)),
    "ringing": (tone(440) + tone(480)) * (TIME % 3 < 1),
    "keypad": (tone(770) + tone(1336)) * (TIME % 0.4 < 0.15),
    "clicks": noise(2) * (TIME % 0.5 < 0.005),
}


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    return WhisperEngine(locate(BUNDLED), WhisperOptions(model=BUNDLED))


def at(sound: Sound, dbfs: float) -> bytes:
    """The sound at a mean level, as s16le."""
    mean = np.sqrt(np.mean(sound**2))
    level = sound * (10 ** (dbfs / 20) / mean if mean else 0)
    return (np.clip(level, -1, 1) * 32767).astype("<i2").tobytes()


def heard(engine: WhisperEngine, audio: bytes, commands: dict[int, Command] | None = None) -> list[str]:
    """The words of every partial and final that a session makes of the audio; `commands` by byte offset."""
    session, words, now = make_session(SessionOptions(), make_scorer(VadOptions())), [], 0.0

    def perform() -> None:
        actions = session.actions()
        while actions:
            action = actions.pop(0)
            if isinstance(action, Recognize):
                session.receive_recognition(engine.decode([action.request])[0], now)
                actions += session.actions()
            elif isinstance(action, SendEvent):
                words.append(_words(action.event))

    for offset in range(0, len(audio), FRAME_BYTES):
        now = offset / 2 / SAMPLE_RATE
        session.receive_audio(audio[offset : offset + FRAME_BYTES], now)
        if commands and offset in commands:
            session.receive_command(commands[offset], now)
        perform()
    session.receive_command(End(), now)
    perform()
    return [each for each in words if each]


def _words(event: events.Event) -> str:
    match event:
        case events.PartialTranscript(_, stable, tentative):
            return f"{stable} {tentative}".strip()
        case events.FinalTranscript(_, text):
            return text
        case _:
            return ""


@pytest.mark.parametrize("dbfs", [-40, -20])
@pytest.mark.parametrize("kind", NOT_SPEECH)
def test_what_is_not_speech_makes_no_words(engine: WhisperEngine, kind: str, dbfs: float) -> None:
    assert heard(engine, at(NOT_SPEECH[kind], dbfs)) == []


def test_a_commit_after_silence_makes_no_words(engine: WhisperEngine) -> None:
    assert heard(engine, bytes(64_000), {32_000: Commit(), 48_000: Commit()}) == []


def test_a_commit_after_a_sentence_adds_nothing_to_it(engine: WhisperEngine) -> None:
    sample = single_utterances()[0]
    audio = pcm(sample) + bytes(64_000)
    *_, final = heard(engine, audio, {len(pcm(sample)) // FRAME_BYTES * FRAME_BYTES: Commit()})
    assert word_error_rate(said(sample), final) <= 0.5


def test_a_clipped_start_leaves_most_of_the_sentence(engine: WhisperEngine) -> None:
    """Audio that begins in the middle of the first word."""
    samples, finals = single_utterances(), []
    for sample, cut_ms in zip(samples, cycle((20, 60, 100)), strict=False):
        begin = 32 * (sample.utterances[0].start_ms + cut_ms)
        finals += heard(engine, pcm(sample)[begin:] + bytes(32_000))[-1:]
    assert word_error_rate(" ".join(map(said, samples)), " ".join(finals)) <= 0.5
