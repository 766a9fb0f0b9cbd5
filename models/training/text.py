"""Generates the sentences of the domain; prints a few when run.

Every sentence is of one of `TYPES`, of a trained or of a held-out pattern. Openers ("Okay, ...") and
closers ("..., please.") are put around sentences here, so that no pattern always begins the same way.
"""

import argparse
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.training.grammar import expand, vocabulary
from models.training.lexicon import LEXICON
from models.training.wordlists import alternatives

Patterns = Mapping[str, Sequence[str]]

TYPES: Mapping[str, float] = {
    "command": 0.26,
    "question": 0.21,
    "small talk": 0.12,
    "telephone": 0.12,
    "digits": 0.07,
    "date and time": 0.06,
    "money": 0.05,
    "names": 0.04,
    "confirmation": 0.07,
}


def _patterns() -> tuple[Patterns, Patterns]:
    """Those of the files in `patterns`, trained and held out. A heading ``== TYPE`` says what follows it; a
    leading ``*`` marks a held-out pattern: evaluated, never trained on.
    """
    trained, held_out = ({kind: list[str]() for kind in TYPES} for _ in range(2))
    for path in sorted((Path(__file__).parent / "patterns").glob("*.txt")):
        kind = ""
        for line in filter(None, map(str.strip, path.read_text().splitlines())):
            if line.startswith("=="):
                kind = line[2:].strip()
            elif line.startswith("*"):
                held_out[kind].append(line[1:].strip())
            else:
                trained[kind].append(line)
    return trained, held_out


TRAINED, HELD_OUT = _patterns()

_OPENERS = alternatives(
    "Okay,|Hello,|Hi,|Hey,|Well,|Yes,|No,|Sorry,|Actually,|And|So|Oh,|All right,|Thanks,|Please,|Then|Now|"
    "But|Excuse me,|Good morning,|Okay, now|Yes, and|Thank you,|Great,"
)
_CLOSERS = alternatives(", please|, thanks|, thank you| now| right now|, okay| again")
LONGEST_WORDS = 16


@dataclass(frozen=True)
class Sentence:
    """A sentence as it is written and spoken, and its type, a key of `TYPES`."""

    text: str
    kind: str


def sentence(rng: random.Random, held_out: bool = False, kind: str | None = None) -> Sentence:
    """One random sentence, of a random type unless `kind` says which."""
    chosen = kind or rng.choices(list(TYPES), weights=list(TYPES.values()))[0]
    pattern = rng.choice((HELD_OUT if held_out else TRAINED)[chosen])
    while True:
        text = tidy(expand(pattern, LEXICON, rng))
        if not held_out and chosen not in ("digits", "confirmation"):
            text = _decorate(text, pattern, rng)
        if len(text.split()) <= LONGEST_WORDS:
            return Sentence(text, chosen)


def tidy(text: str) -> str:
    """One space between words, none before punctuation; a capital at the beginning of each sentence."""
    text = re.sub(r"\s+([,.?])", r"\1", " ".join(text.split()))
    text = re.sub(r",+(?=[,.?])", "", text)
    return re.sub(r"(^|[.?] )([a-z])", lambda match: match.group(1) + match.group(2).upper(), text)


def _decorate(text: str, pattern: str, rng: random.Random) -> str:
    """Adds an opener to a fifth and a closer to a tenth of the sentences."""
    if rng.random() < 0.2:
        begins_proper = pattern.startswith("{") or text.startswith(("I ", "I'", "Doctor", "Mister"))
        text = f"{rng.choice(_OPENERS)} {text if begins_proper else text[0].lower() + text[1:]}"
    if rng.random() < 0.1 and ", " not in text and text.count(".") + text.count("?") == 1:
        text = text[:-1] + rng.choice(_CLOSERS) + text[-1]
    return text


def words_of(patterns: Patterns) -> set[str]:
    """The words that a set of patterns can produce, numbers left out."""
    return vocabulary([pattern for group in patterns.values() for pattern in group], LEXICON)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="how many sentences (default: 20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="of the held-out patterns")
    parser.add_argument("--kind", choices=list(TYPES), help="only this type")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    for _ in range(options.count):
        drawn = sentence(rng, options.held_out, options.kind)
        print(f"{drawn.kind:14s} {drawn.text}")


if __name__ == "__main__":
    main()
