"""A decode that is out, and what of its answer is the utterance's own."""

from dataclasses import dataclass

import msgspec

from voicegw.core.decode_context import DecodeContext
from voicegw.core.jobs import DecodeKind, DecodeResult
from voicegw.core.utterance import Remainder, Utterance


@dataclass(frozen=True, slots=True)
class InFlightDecode:
    """`until`: the end of its window; `context`: what the window has before the utterance; `rest`: what it
    decodes by itself."""

    number: int
    kind: DecodeKind
    utterance: Utterance
    until: int
    context: DecodeContext | None
    remainder: Remainder | None

    def own(self, result: DecodeResult) -> DecodeResult:
        """The answer without the words of the context, behind those that were not decoded again."""
        words = result.words
        if self.context is not None and not result.context_dropped:
            words = self.context.strip(words, self.utterance.start)
        if self.remainder is not None:
            words = (*self.remainder.words, *words)
        return msgspec.structs.replace(result, words=words)
