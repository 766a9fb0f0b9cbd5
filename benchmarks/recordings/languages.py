"""How often a model names the language of a recording right, from the first seconds of its speech."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.recordings.material import Recorded
from clients.audio import SAMPLE_BYTES, read_pcm
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.whisper import WhisperEngine
from voicegw.core.audio import SAMPLE_RATE, WINDOW_SAMPLES
from voicegw.core.endpoint import Endpointer, EndpointOptions
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeJob, DecodeKind

SECONDS = (1, 2, 3)
MEANINGS = {
    f"language_right_{seconds}_s_percent": f"language found in the first {seconds} s of speech, of recordings"
    for seconds in SECONDS
}


def language_figures(engine: WhisperEngine, recorded: Sequence[Recorded]) -> dict[str, float]:
    """The share of recordings whose language is right, and how many were long enough; none for recordings in
    one language, where a model that always says the same would be right."""
    if len({one.language for one in recorded if one.is_speech}) < 2:
        return {}
    heard = [(one.language, speech_of(one.path)) for one in recorded if one.is_speech]
    figures: dict[str, float] = {}
    for seconds in SECONDS:
        size = seconds * SAMPLE_RATE * SAMPLE_BYTES
        found = [_language(engine, pcm[:size]) == spoken for spoken, pcm in heard if len(pcm) >= size]
        figures[f"language_right_{seconds}_s_percent"] = 100 * sum(found) / max(1, len(found))
        figures[f"language_recordings_{seconds}_s"] = len(found)
    return figures


def _language(engine: WhisperEngine, pcm: bytes) -> str:
    [result] = engine.decode([DecodeJob("", 0, DecodeKind.FINAL, 0, pcm, language=AUTO_LANGUAGE)])
    return result.language


def speech_of(path: Path) -> bytes:
    """The recording at 16 kHz from the onset of speech on, as an endpointer finds it; empty without one."""
    pcm = read_pcm(path, SAMPLE_RATE)
    samples = np.frombuffer(pcm, np.int16)
    scorer, endpointer = make_scorer(VadOptions()), Endpointer(EndpointOptions())
    for begin in range(0, len(samples) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
        endpointer.receive(scorer.score(samples[begin : begin + WINDOW_SAMPLES]))
        if endpointer.open:
            return pcm[SAMPLE_BYTES * endpointer.speech_start :]
    return b""
