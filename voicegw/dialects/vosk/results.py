"""The results of a Vosk server: JSON with a `partial` or a `text`, and the words of the text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.events import FinalTranscript, PartialTranscript
from voicegw.core.jobs import Word

_PUNCTUATION = re.compile(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)")


@dataclass(slots=True)
class ResultForm:
    """What the client wants. words: each with its times and its probability. alternatives: the text as a list
    of one alternative. plain: lower case without punctuation, as Vosk's models write."""

    words: bool = True
    alternatives: bool = False
    plain: bool = False

    def partial(self, transcript: PartialTranscript | None) -> dict[str, object]:
        """The words so far; none if it is None."""
        if transcript is None:
            return {"partial": ""}
        blank = " " * (bool(transcript.stable and transcript.tentative) and not transcript.joined)
        return {"partial": self._text(f"{transcript.stable}{blank}{transcript.tentative}")}

    def final(self, transcripts: Sequence[FinalTranscript]) -> dict[str, object]:
        """The text of utterances; the message is the same for one, several or none."""
        text = " ".join(filter(None, (self._text(each.text) for each in transcripts)))
        words = [word for each in transcripts for word in self._words(each.words)]
        if not self.alternatives:
            return {"result": words, "text": text} if self.words and words else {"text": text}
        confidence = round(sum(float(word["conf"]) for word in words) / max(1, len(words)), 6)
        for word in words:
            del word["conf"]
        found = {"result": words} if self.words and words else {}
        return {"alternatives": [{"confidence": confidence, **found, "text": text}]}

    def _words(self, words: Iterable[Word]) -> Iterable[dict[str, float | str]]:
        for word in words:
            if text := self._text(word.text.strip()):
                yield {
                    "conf": round(word.probability, 6),
                    "end": round(word.end / SAMPLE_RATE, 6),
                    "start": round(word.start / SAMPLE_RATE, 6),
                    "word": text,
                }

    def _text(self, text: str) -> str:
        return " ".join(_PUNCTUATION.sub(" ", text).lower().split()) if self.plain else text


def encode(result: dict[str, object]) -> bytes:
    """The result as JSON."""
    return msgspec.json.encode(result)
