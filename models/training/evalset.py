"""The evaluation's windows: held-out voices speak held-out wording. All of it follows from one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.training import text
from models.training.augment import NOISE_COLOURS, SAMPLE_RATE, Augmenter, Samples, telephone
from models.training.voices import Speaker, Utterance, Voice, draw_voice
from models.training.windows import Piece, cut, silence, whole

FAST, SLOW = 1.35, 0.7  # pace of the fast and slow sets; training speaks at 0.75 to 1.3
_LEAD_S, _TRAIL_S = 0.3, 0.5
_LEVEL = 0.5
_PREFIX_STEP_S = 0.5
STREAMING_SILENCE_S = 0.3  # what the server appends to a running utterance


@dataclass(frozen=True)
class Case:
    """A window, what is said in it, and what was said before it."""

    samples: Samples
    text: str
    kind: str = ""
    voice: str = ""
    prompt: str = ""
    begun_words: int = 0  # of a prefix: how many words have begun when it ends


@dataclass(frozen=True)
class Plan:
    """A sentence and the voice that says it."""

    sentence: text.Sentence
    voice: Voice


def plans(seed: str, count: int, held_out_voices: bool = True, held_out_wording: bool = True) -> list[Plan]:
    """So many sentences, of all types equally often."""
    rng = random.Random(f"evaluation {seed}")
    kinds = list(text.TYPES)
    return [
        Plan(
            text.sentence(rng, held_out_wording, kinds[index % len(kinds)]), draw_voice(rng, held_out_voices)
        )
        for index in range(count)
    ]


def spoken(speaker: Speaker, planned: Sequence[Plan], pace: float | None = None) -> list[Utterance]:
    """The utterances; with `pace`, all at that one."""
    voices = [replace(plan.voice, pace=pace) if pace else plan.voice for plan in planned]
    said = [
        speaker.speak(plan.sentence.text, voice, plan.sentence.kind)
        for plan, voice in zip(planned, voices, strict=True)
    ]
    return [utterance for utterance in said if utterance is not None]


def _framed(samples: Samples) -> Samples:
    """With silence before and after, at the level of speech near a microphone."""
    return np.concatenate([silence(_LEAD_S), samples * np.float32(_LEVEL), silence(_TRAIL_S)])


def clean(utterances: Sequence[Utterance]) -> list[Case]:
    return [Case(_framed(whole(item).samples), item.text, item.kind, item.voice) for item in utterances]


def noisy(cases: Sequence[Case], snr_db: float, augmenter: Augmenter) -> list[Case]:
    """With steady noise, each colour in turn."""
    colours = list(NOISE_COLOURS)
    return [
        replace(case, samples=augmenter.add_noise(case.samples, snr_db, colours[index % len(colours)]))
        for index, case in enumerate(cases)
    ]


def telephoned(cases: Sequence[Case]) -> list[Case]:
    return [replace(case, samples=telephone(case.samples)) for case in cases]


def prefixes(utterances: Sequence[Utterance]) -> Iterator[Case]:
    """Every utterance after each half second, and the silence that the server appends."""
    for utterance in utterances:
        piece = whole(utterance)
        step = int(_PREFIX_STEP_S * SAMPLE_RATE)
        for end in range(step, len(piece.samples), step):
            visible = cut(piece, 0, end)
            samples = np.concatenate(
                [silence(_LEAD_S), visible.samples * np.float32(_LEVEL), silence(STREAMING_SILENCE_S)]
            )
            yield Case(samples, visible.text, begun_words=int((piece.starts < end).sum()))


def continued(utterances: Sequence[Utterance], rng: random.Random) -> Iterator[Case]:
    """Windows that begin after some words of an utterance, with these as the prompt."""
    for utterance in utterances:
        piece = whole(utterance)
        if len(piece.words) >= 4:
            begin = int(piece.ends[rng.randrange(1, len(piece.words) - 1)])
            rest = cut(piece, begin, len(piece.samples))
            yield Case(
                np.append(rest.samples * np.float32(_LEVEL), silence(_TRAIL_S)), rest.text, prompt=rest.before
            )


def several(utterances: Sequence[Utterance], rng: random.Random) -> Iterator[Case]:
    """Windows of 8 to 25 s with as many utterances as fit, 0.4 to 1.5 s apart."""
    remaining = list(utterances)
    while remaining:
        longest_s, parts, texts = rng.uniform(8, 25), [silence(_LEAD_S)], list[str]()
        while remaining:
            piece: Piece = whole(remaining[-1])
            length_s = (sum(map(len, parts)) + len(piece.samples)) / SAMPLE_RATE
            if texts and length_s > longest_s:
                break
            parts += [piece.samples * np.float32(_LEVEL), silence(rng.uniform(0.4, 1.5))]
            texts.append(piece.text)
            remaining.pop()
        yield Case(np.concatenate(parts), " ".join(texts))


def speechless(augmenter: Augmenter, count: int) -> list[Samples]:
    """Silence, and backgrounds of every kind, 1 to 29 s long."""
    lengths_s = [1 + 28 * index / max(1, count - 1) for index in range(count)]
    quiet = [silence(length) for length in (1, 3, 10, 30)]
    return quiet + [augmenter.background(int(length * SAMPLE_RATE)) for length in lengths_s]
