"""Synthesises `models/samples`: talk for demo, tests and benchmarks, with references and word times.

The sentences of the sessions are drawn as for the evaluation, trained wording in trained voices; those of the
conversation and the short clips are written here. `refs.json` describes every file.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from models.training import text
from models.training.augment import SAMPLE_RATE, Augmenter, Samples, telephone
from models.training.voices import Speaker, Utterance, Voice, draw_voice
from models.training.windows import silence, whole

_LEVEL = 0.5
_FLOOR_DB = -70  # a recording is never digitally silent
_CONVERSATION = (
    "What time is it?",
    "Set a timer for ten minutes.",
    "What is seven times eight?",
    "Remind me to call my mother tomorrow morning.",
    "What's the weather like in London today?",
    "Thank you very much.",
)
_OVERLAP = (
    "Tell me a joke.",
    "Wait, I have a question.",
    "How far is it to the train station?",
    "Stop.",
    "Play some jazz music in the kitchen.",
    "No, thank you.",
    "Turn off the lights in the bedroom.",
    "Thank you, that's all.",
)
_CLIPS = {
    "command-1": "Turn on the lights in the kitchen.",
    "command-2": "Wake me up at half past seven.",
    "command-3": "Add milk, bread and butter to my shopping list.",
    "question-1": "Will it rain in Paris tomorrow?",
    "question-2": "What is twelve plus twenty?",
    "question-3": "Where is the nearest train station?",
    "digits-1": "My phone number is three four five, eight one six, two nine seven four.",
    "digits-2": "The code is four zero nine three.",
    "date-1": "My birthday is November the fifth.",
    "money-1": "Send fifty dollars to my mother.",
    "name-1": "The booking is under Emma Wilson.",
    "yes-1": "Yes, please.",
}
_DEMO_VOICE = Voice("flite", "slt", 0.9, 1.0, 50)
_CLIP_VOICES = (_DEMO_VOICE, Voice("flite", "awb", 0.95, 1.0, 50), Voice("espeak", "en-us+m3", 0.9, 1.0, 50))


@dataclass(frozen=True)
class Recording:
    """Sound and, in the form of `refs.json`, what is said in it."""

    samples: Samples
    utterances: list[dict[str, Any]]


def _ms(samples: float) -> int:
    return round(1000 * samples / SAMPLE_RATE)


def _reference(utterance: Utterance, position: int) -> dict[str, Any]:
    """Text, voice and times of an utterance that begins at sample `position`."""
    spans = zip(utterance.text.split(), utterance.word_starts, utterance.word_ends, strict=True)
    words = [
        {"word": word, "start_ms": _ms(position + start), "end_ms": _ms(position + end)}
        for word, start, end in spans
    ]
    return {
        "text": utterance.text,
        "start_ms": words[0]["start_ms"],
        "end_ms": words[-1]["end_ms"],
        "voice": utterance.voice,
        "words": words,
    }


def record(utterances: Sequence[Utterance], pauses_s: Sequence[float], seed: str) -> Recording:
    """The utterances with a pause before each, and one at the end."""
    parts: list[Samples] = []
    references = []
    position = 0
    for utterance, pause_s in zip(utterances, pauses_s, strict=False):
        parts.append(silence(pause_s))
        position += len(parts[-1])
        references.append(_reference(utterance, position))
        parts.append(whole(utterance).samples * np.float32(_LEVEL))
        position += len(parts[-1])
    samples = np.concatenate([*parts, silence(pauses_s[-1])])
    floor = Augmenter(f"samples {seed}").noise(len(samples), "pink") * np.float32(10 ** (_FLOOR_DB / 20))
    return Recording(samples + floor, references)


def _say(speaker: Speaker, sentence: str, voice: Voice) -> Utterance:
    utterance = speaker.speak(sentence, voice)
    if utterance is None:
        raise ValueError(f"{voice} does not say {sentence!r} word by word")
    return utterance


def _talk(speaker: Speaker, sentences: Sequence[str], voice: Voice, pause_s: float) -> Recording:
    """One speaker, even pauses; half a second before and a whole pause after."""
    utterances = [_say(speaker, sentence, voice) for sentence in sentences]
    return record(utterances, [0.5] + [pause_s] * len(sentences), sentences[0])


def _session(speaker: Speaker, seed: str, length_s: float) -> Recording:
    """Several voices in turns of one to three utterances, 1.2 to 3 s apart, for about `length_s`."""
    rng = random.Random(f"samples {seed}")
    utterances: list[Utterance] = []
    pauses_s: list[float] = []
    total_s = 0.0
    while total_s < length_s:
        voice = draw_voice(rng)
        for _ in range(rng.randint(1, 3)):
            utterances.append(_say(speaker, text.sentence(rng).text, voice))
            pauses_s.append(rng.uniform(1.2, 3))
            total_s += pauses_s[-1] + len(utterances[-1].samples) / SAMPLE_RATE
    return record(utterances, [*pauses_s, 1.5], seed)


def recordings(speaker: Speaker) -> dict[str, tuple[str, Recording]]:
    """All files: name to condition and recording."""
    made = {
        "conversation.wav": ("clean", _talk(speaker, _CONVERSATION, _DEMO_VOICE, 3.0)),
        "overlap.flac": ("overlap", _talk(speaker, _OVERLAP, _DEMO_VOICE, 1.0)),
    }
    for number, length_s in enumerate((60.0, 65.0, 75.0, 80.0), 1):
        made[f"session-{number}.flac"] = ("clean", _session(speaker, f"session {number}", length_s))
    first = made["session-1.flac"][1]
    noisy = Augmenter("samples noise").add_noise(first.samples, 10, "pink")
    made["session-1-noise10.flac"] = ("noise10", replace(first, samples=noisy))
    made["session-1-phone.flac"] = ("phone", replace(first, samples=telephone(first.samples)))
    for index, (name, sentence) in enumerate(_CLIPS.items()):
        voice = _CLIP_VOICES[index % len(_CLIP_VOICES)]
        made[f"{name}.wav"] = ("clean", _talk(speaker, [sentence], voice, 0.5))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("models/samples"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    references = []
    for name, (condition, recording) in recordings(Speaker()).items():
        soundfile.write(options.out / name, np.clip(recording.samples, -1, 1), SAMPLE_RATE, subtype="PCM_16")
        references.append(
            {
                "file": name,
                "condition": condition,
                "duration_ms": _ms(len(recording.samples)),
                "utterances": recording.utterances,
            }
        )
    (options.out / "refs.json").write_text(json.dumps(references, indent=1) + "\n")


if __name__ == "__main__":
    main()
