"""What interrupts a reply: words, enough of them, said long enough, and not only ones that listeners say.

A cough that the recogniser takes for a word is too short; "mm-hm" and "okay" are backchannels, by which a
listener asks to go on. Both leave the reply alone. The list is English; where it does not apply, words and
length decide.
"""

import re
from dataclasses import dataclass

from voicegw.core.options import option

_BACKCHANNELS = (
    "m+|m+ ?hm+|mh+m+|h+m+|hu+h|uh ?huh|ah+|oh+|aha|yeah|yep|yup|yes|okay|ok|right|alright|all right|sure"
    "|i see|got it|of course|that's right|go on|really|wow|cool|great|nice|good|interesting"
)
_BACKCHANNEL = re.compile(rf"\b(?:{_BACKCHANNELS})\b")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True, slots=True)
class BargeInOptions:
    """What it takes to interrupt a reply."""

    words: int = option(1, "words that interrupt a reply, beside `okay`, `mm-hm` and the like", ge=1, le=20)
    voiced_ms: int = option(200, "speech that interrupts a reply; shorter sounds are coughs", ge=0, le=5000)


def interrupts(text: str, voiced_ms: int, options: BargeInOptions) -> bool:
    """Whether this, said over a reply so far, is meant to stop it."""
    plain = text.casefold().replace("’", "'").replace("-", " ")
    words = _WORD.findall(_BACKCHANNEL.sub(" ", plain))
    return len(words) >= options.words and voiced_ms >= options.voiced_ms
