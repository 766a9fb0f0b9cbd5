"""Measures a model directory, or several side by side, on held-out voices and wording; prints one table.

All sound is synthesised anew from the seed. Word error rates ignore case and punctuation.
"""

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jiwer
import numpy as np

from models.training import evalset
from models.training.augment import SAMPLE_RATE, Augmenter
from models.training.evalset import Case
from models.training.recognizer import Recognizer
from models.training.voices import Speaker, Utterance

_SPEED_WINDOW_S = 5.0
Figures = dict[str, float]


def normalised(sentence: str) -> str:
    """Lower case, words only."""
    return " ".join(re.findall(r"[a-z']+", sentence.lower()))


def error_rate(references: Iterable[str], hypotheses: Iterable[str]) -> float:
    """Word error rate in percent over all sentences together."""
    pairs = [
        (normalised(reference), normalised(hypothesis))
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    pairs = [pair for pair in pairs if pair[0]]
    return 100 * jiwer.wer([reference for reference, _ in pairs], [hypothesis for _, hypothesis in pairs])


@dataclass(frozen=True)
class Material:
    """Everything that is decoded: `count` utterances of each sort, synthesised when first asked for and kept
    for all models."""

    count: int
    seed: int

    @cached_property
    def _speaker(self) -> Speaker:
        return Speaker()

    @cached_property
    def utterances(self) -> list[Utterance]:
        """In held-out voices and wording. Raises OSError without a synthesizer."""
        return self._spoken()

    @cached_property
    def fast(self) -> list[Utterance]:
        """The same, said faster than any in training."""
        return self._spoken(evalset.FAST)

    @cached_property
    def slow(self) -> list[Utterance]:
        """The same, said slower than any in training."""
        return self._spoken(evalset.SLOW)

    def _spoken(self, pace: float | None = None) -> list[Utterance]:
        return evalset.spoken(self._speaker, evalset.plans(f"{self.seed}", self.count), pace)

    @cached_property
    def seen_wording(self) -> list[Utterance]:
        """In wording like that of training."""
        plans = evalset.plans(f"{self.seed} wording", self.count, held_out_wording=False)
        return evalset.spoken(self._speaker, plans)

    @cached_property
    def seen_voices(self) -> list[Utterance]:
        """In voices of training."""
        plans = evalset.plans(f"{self.seed} voices", self.count, held_out_voices=False)
        return evalset.spoken(self._speaker, plans)


def _wer(recognizer: Recognizer, cases: Iterable[Case], padded: bool = False, beam: int = 1) -> float:
    cases = list(cases)
    hypotheses = [recognizer.text(case.samples, padded, case.prompt, beam) for case in cases]
    return error_rate([case.text for case in cases], hypotheses)


def conditions(recognizer: Recognizer, material: Material) -> Figures:
    """Word error rates by condition, voice and type of sentence."""
    cases = evalset.clean(material.utterances)
    hypotheses = [recognizer.text(case.samples) for case in cases]
    exact = [case.text == hypothesis for case, hypothesis in zip(cases, hypotheses, strict=True)]
    noisy = evalset.noisy(cases, 10, Augmenter(f"evaluation {material.seed}"))
    telephoned = evalset.telephoned(cases)
    figures = {
        "WER clean": error_rate([case.text for case in cases], hypotheses),
        "WER clean, beam 5": _wer(recognizer, cases, beam=5),
        "WER clean, padded to 30 s": _wer(recognizer, cases, padded=True),
        "WER noise 10 dB": _wer(recognizer, noisy),
        "WER noise 10 dB, beam 5": _wer(recognizer, noisy, beam=5),
        "WER telephone": _wer(recognizer, telephoned),
        "WER telephone, beam 5": _wer(recognizer, telephoned, beam=5),
        "exact with case and punctuation, %": 100 * float(np.mean(exact)),
    }
    groups: Mapping[str, Callable[[Case], str]] = {"voices": lambda case: case.voice.split(":")[0], "": _kind}
    for group, key in groups.items():
        for name in sorted({key(case) for case in cases}):
            chosen = [index for index, case in enumerate(cases) if key(case) == name]
            rate = error_rate(
                [cases[index].text for index in chosen], [hypotheses[index] for index in chosen]
            )
            figures[f"WER clean, {name} {group}".strip()] = rate
    return figures


def _kind(case: Case) -> str:
    return case.kind


def variants(recognizer: Recognizer, material: Material) -> Figures:
    """Word error rates at other speeds, and without what is held out."""
    return {
        "WER fast": _wer(recognizer, evalset.clean(material.fast)),
        "WER slow": _wer(recognizer, evalset.clean(material.slow)),
        "WER trained wording, held-out voices": _wer(recognizer, evalset.clean(material.seen_wording)),
        "WER held-out wording, trained voices": _wer(recognizer, evalset.clean(material.seen_voices)),
    }


def streaming(recognizer: Recognizer, material: Material) -> Figures:
    """Prefixes, windows that begin within an utterance, and windows of several utterances."""
    rng = random.Random(f"evaluation windows {material.seed}")
    prefixes = list(evalset.prefixes(material.utterances[::3]))
    decoded = [normalised(recognizer.text(case.samples)).split() for case in prefixes]
    completed = [len(words) > case.begun_words for words, case in zip(decoded, prefixes, strict=True)]
    compared = [
        " ".join(words[: len(case.text.split())]) for words, case in zip(decoded, prefixes, strict=True)
    ]
    continued = list(evalset.continued(material.utterances, rng))
    unprompted = [Case(case.samples, case.text) for case in continued]
    return {
        "prefixes: words not said yet, % of prefixes": 100 * float(np.mean(completed)),
        "prefixes: WER of the words heard": error_rate([case.text for case in prefixes], compared),
        "WER begun within an utterance, prompted": _wer(recognizer, continued),
        "WER begun within an utterance, no prompt": _wer(recognizer, unprompted),
        "WER several utterances, 8 to 25 s": _wer(recognizer, evalset.several(material.utterances, rng)),
    }


def word_times(recognizer: Recognizer, material: Material) -> Figures:
    """Errors of word starts and ends against the synthesizer's times, in rightly recognised utterances."""
    starts: list[float] = []
    ends: list[float] = []
    for utterance, case in zip(material.utterances, evalset.clean(material.utterances), strict=True):
        words = recognizer.words(case.samples)
        if normalised(" ".join(word.text for word in words)) == normalised(utterance.text):
            lead_s = 0.3
            starts += [
                abs(word.start_s - lead_s - at / SAMPLE_RATE)
                for word, at in zip(words, utterance.word_starts, strict=True)
            ]
            ends += [
                abs(word.end_s - lead_s - at / SAMPLE_RATE)
                for word, at in zip(words, utterance.word_ends, strict=True)
            ]
    figures: Figures = {}
    for name, errors in (("start", starts), ("end", ends)):
        median, high = np.percentile(errors, [50, 90]) if errors else (np.nan, np.nan)
        figures |= {f"word {name} error, median ms": 1000 * median, f"word {name} error, p90 ms": 1000 * high}
    return figures


def quiet(recognizer: Recognizer, material: Material) -> Figures:
    """Words that the model recognises without speech."""
    clips = evalset.speechless(Augmenter(f"evaluation quiet {material.seed}"), 60)
    words = sum(len(recognizer.text(clip).split()) for clip in clips)
    return {"words a minute in silence and noise": words / (sum(map(len, clips)) / SAMPLE_RATE / 60)}


def speed(recognizer: Recognizer, material: Material) -> Figures:
    """Time of one window of 5 s, features to text, on one thread: the median over the utterances."""
    elapsed = []
    for case in evalset.clean(material.utterances[:60]):
        samples = np.resize(case.samples, int(_SPEED_WINDOW_S * SAMPLE_RATE))
        samples[len(case.samples) :] = 0
        began = time.process_time()
        recognizer.text(samples)
        elapsed.append(time.process_time() - began)
    return {"CPU ms for a window of 5 s": 1000 * float(np.median(elapsed))}


MEASURES: Sequence[Callable[[Recognizer, Material], Figures]] = (
    conditions,
    variants,
    streaming,
    word_times,
    quiet,
    speed,
)


def table(results: Mapping[str, Figures]) -> str:
    """A Markdown table with a column for each model."""
    lines = ["| figure | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
    for figure in next(iter(results.values())):
        lines.append(
            f"| {figure} | " + " | ".join(f"{figures[figure]:.1f}" for figures in results.values()) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="models/evaluate", description=__doc__)
    parser.add_argument("models", type=Path, nargs="*", default=[Path("models/bundled")])
    parser.add_argument("--utterances", type=int, default=270, help="held-out utterances (default: 270)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    material = Material(options.utterances, options.seed)
    results: dict[str, Figures] = {}
    for directory in options.models:
        recognizer = Recognizer(directory)
        results[str(directory)] = {}
        for measure in MEASURES:
            results[str(directory)] |= measure(recognizer, material)
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
