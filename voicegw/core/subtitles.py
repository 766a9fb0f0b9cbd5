"""The words of a recording as short segments, and as subtitles in the formats SubRip (srt) and WebVTT."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from voicegw.core.audio import to_ms, to_samples
from voicegw.core.jobs import Word, text_of
from voicegw.core.sentences import abbreviates

_LONGEST = to_samples(7_000)
_LONGEST_CHARACTERS = 84  # two lines
_GAP = to_samples(1_000)
_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！", "।", "؟")


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that are shown together."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return text_of(self.words)

    @property
    def start_ms(self) -> int:
        return to_ms(self.words[0].start)

    @property
    def end_ms(self) -> int:
        return max(self.start_ms, to_ms(self.words[-1].end))


def segments(words: Iterable[Word]) -> Iterator[Segment]:
    """The words in segments: a sentence, or a part of one that is read at a glance."""
    current: list[Word] = []
    characters = 0
    for word in words:
        if current and _is_complete(current, characters, word):
            yield Segment(tuple(current))
            current, characters = [], 0
        current.append(word)
        characters += len(word.text) + 1
    if current:
        yield Segment(tuple(current))


def _is_complete(current: Sequence[Word], characters: int, following: Word) -> bool:
    return (
        _ends_sentence(current, following.text)
        or following.start - current[-1].end >= _GAP
        or following.end - current[0].start > _LONGEST
        or characters + len(following.text) > _LONGEST_CHARACTERS
    )


def _ends_sentence(current: Sequence[Word], following: str) -> bool:
    if not current[-1].text.endswith(_SENTENCE_ENDS):
        return False
    text = text_of(current[-2:])
    return not (text.endswith(".") and abbreviates(text, len(text) - 1, following))


def srt(parts: Iterable[Segment]) -> str:
    """SubRip: numbered subtitles with a comma in their times."""
    blocks = (
        f"{number}\n{_time(part.start_ms, ',')} --> {_time(part.end_ms, ',')}\n{part.text}\n"
        for number, part in enumerate(parts, start=1)
    )
    return "\n".join(blocks)


def vtt(parts: Iterable[Segment]) -> str:
    """WebVTT. What its syntax gives a meaning in a text is escaped."""
    blocks = (
        f"{_time(part.start_ms, '.')} --> {_time(part.end_ms, '.')}\n{_escaped(part.text)}\n"
        for part in parts
    )
    return "\n".join(["WEBVTT\n", *blocks])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"
