"""A decode in flight, and which words of its result belong to the utterance."""

from dataclasses import dataclass

import msgspec

from voicegw.core.decode_context import DecodeContext
from voicegw.core.jobs import DecodeKind, DecodeResult
from voicegw.core.utterance import Remainder, Utterance


@dataclass(frozen=True, slots=True)
class InFlightDecode:
    """A decode job without its result. until: the end of its window. context: the context at the start of its
    window. remainder: the speech that it decodes separately, if that is its purpose."""

    number: int
    kind: DecodeKind
    utterance: Utterance
    until: int
    context: DecodeContext | None
    remainder: Remainder | None

    def own_result(self, result: DecodeResult) -> DecodeResult:
        """The result without the words of the context. For a remainder, the words before it are prepended."""
        words = result.words
        if self.context is not None and not result.context_dropped:
            words = self.context.strip(words, self.utterance.start)
        if self.remainder is not None:
            words = (*self.remainder.words, *words)
        return msgspec.structs.replace(result, words=words)
