"""Decides whether the text of a decode was spoken.

Whisper writes text for music, noise and breathing, too. No single figure distinguishes such text from speech:
a correct one-word answer may be as improbable as an invented sentence, and a voice activity detector does not
detect a hoarse voice. So the evidence is weighed together, as a logistic regression does, on people's short
answers against noises without speech:

* the model's own probability that nobody speaks (Radford et al. 2022, section 4.5),
* the mean log-probability of the text,
* how long the text is where that is high: a sentence that the model is sure of is not made up, while single
  words are ("Music"), and so are loops,
* the highest probability of speech that a second detector (Silero) hears. It is asked only where the
  others leave room for doubt, because it costs as much as a part of the decode.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

_MOST_TOKENS = 12  # a longer text is no surer


class SpeechWeights(msgspec.Struct, frozen=True):
    """The weights of the evidence; the defaults are those of stock models that write timestamps.

    Text is speech when bias + no_speech * p(no speech) + logprob * mean log-probability
    + length * (tokens - 1, 11 at most) * max(0, 1 + mean log-probability) + detector * p(speech) is above 0.
    """

    bias: float = 0.5
    no_speech: float = -7.0
    logprob: float = 2.0
    length: float = 0.3
    detector: float = 8.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figures of a decode about its own text. no_speech: 0 to 1. logprob: mean of the tokens, 0 or less.
    tokens: how many there are; 0 in a text that looks wrong, or that is not only about the audio in doubt."""

    no_speech: float
    logprob: float
    tokens: int = 0


def is_speech(
    evidence: Evidence, weights: SpeechWeights, detect: Callable[[float], float], strictness: float = 0.0
) -> bool:
    """Whether the text is speech. detect: asks the second detector for its probability of speech, 0 to 1; it
    may stop at the first probability above its argument. strictness: how far above 0 the sum has to be; more
    rejects more."""
    known = weights.bias + weights.no_speech * evidence.no_speech + weights.logprob * evidence.logprob
    more = max(0, min(evidence.tokens, _MOST_TOKENS) - 1)  # than one token
    known += weights.length * more * max(0.0, 1 + evidence.logprob) - strictness
    if known > 0 or known + weights.detector <= 0:
        return known > 0  # whatever the detector says
    enough = -known / weights.detector
    return detect(enough) > enough
