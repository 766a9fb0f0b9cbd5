"""Removes a model's reasoning, which is text between tags, from its reply, where its server does not do that.

Tags may be split over chunks, and models use different ones. With some models the begin tag is part of the
prompt: the reply starts inside the reasoning, and only an end tag shows that. Therefore the start of a reply
is held back until it is known how the endpoint's replies start.
"""

import re
from enum import Enum, auto


class ReplyStart(Enum):
    """What the replies of an endpoint start with."""

    UNKNOWN = auto()
    REASONING = auto()  # reasoning without a begin tag, and then an end tag
    ANSWER = auto()


_REASONING_NAME = re.compile(r"\br1\b|qwq|((?<![a-z])non?[-_. ]?)?(?:think|reasoning)", re.IGNORECASE)


def expected_start(model: str) -> ReplyStart:
    """What the replies of a model start with, judged by its name: "r1" or "thinking" stand for reasoning,
    "non-thinking" does not."""
    named = any(match[1] is None for match in _REASONING_NAME.finditer(model))
    return ReplyStart.REASONING if named else ReplyStart.UNKNOWN


# In characters: if unknown, more than most spoken replies have; otherwise, more than reasoning has.
_MAX_HELD = {ReplyStart.UNKNOWN: 600, ReplyStart.REASONING: 100_000}


class _Kind(Enum):
    BEGIN = auto()
    END = auto()
    MARK = auto()  # around the answer, or between the parts of a reply


_ELEMENTS = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "seed:think",
)
_TAGS = {
    **{f"<{name}>": _Kind.BEGIN for name in _ELEMENTS},
    **{f"</{name}>": _Kind.END for name in _ELEMENTS},
    **dict.fromkeys(("[think]", "◁think▷", "<|begin_of_thought|>", "<|start_thinking|>"), _Kind.BEGIN),
    **dict.fromkeys(("[/think]", "◁/think▷", "<|end_of_thought|>", "<|end_thinking|>"), _Kind.END),
    **dict.fromkeys(("<|channel|>analysis<|message|>", "<|channel>thought"), _Kind.BEGIN),
    "<channel|>": _Kind.END,
    **dict.fromkeys(("<|channel|>final<|message|>", "<|channel|>commentary<|message|>"), _Kind.MARK),
    **dict.fromkeys(("<|start|>assistant", "<|end|>", "<|return|>"), _Kind.MARK),
    **dict.fromkeys(("<|start_response|>", "<|end_response|>", "<|begin_of_solution|>"), _Kind.MARK),
    **dict.fromkeys(("<|end_of_solution|>", "<|begin_of_box|>", "<|end_of_box|>"), _Kind.MARK),
    **dict.fromkeys(("<answer>", "</answer>", "<response>", "</response>"), _Kind.MARK),
}
_MAX_TAG_CHARACTERS = 2 * max(map(len, _TAGS))  # with blanks inside the tag
_FIRST_CHARACTERS = "".join({tag[0] for tag in _TAGS})
_TAG = re.compile(
    "|".join(r"\s*".join(map(re.escape, tag)) for tag in sorted(_TAGS, key=len, reverse=True)), re.IGNORECASE
)


class VisibleText:
    """The part of one reply that is for the user, in the pieces in which the model wrote it.

    start: what the reply started with, as far as that is known; reasoned: whether there was any reasoning.
    """

    def __init__(self, expected_start: ReplyStart) -> None:
        self.start = ReplyStart.UNKNOWN
        self.reasoned = False
        self._expected_start = expected_start
        self._holding = expected_start is not ReplyStart.ANSWER
        self._begun = False  # whether there was more than blanks
        self._inside = False  # whether the text is between tags
        self._tail = ""  # possibly the beginning of a tag
        self._held: list[str] = []
        self._held_characters = 0

    @property
    def uncertain(self) -> bool:
        """Whether text is held back that is an answer unless an end tag follows."""
        return bool(self._held) and self._expected_start is ReplyStart.UNKNOWN

    def receive(self, text: str) -> list[str]:
        """The text that this text makes visible."""
        visible: list[str] = []
        self._tail += text
        while (tag := _TAG.search(self._tail)) is not None:
            visible += self._show(self._tail[: tag.start()])
            self._tail = self._tail[tag.end() :]
            visible += self._receive_tag(_TAGS["".join(tag[0].split()).lower()])
        end = _start_of_tag(self._tail)
        visible += self._show(self._tail[:end])
        self._tail = self._tail[end:]
        return visible

    def receive_reasoning(self) -> list[str]:
        """The endpoint itself separates reasoning from text: returns the text that was held back."""
        self.reasoned = True
        return self.release()

    def release(self) -> list[str]:
        """Returns the text that was held back: it counts as the answer from now on."""
        self.start = ReplyStart.ANSWER
        return self._end_hold()

    def _end_hold(self) -> list[str]:
        self._holding = False
        held, self._held = self._held, []
        return held

    def end(self, *, cut: bool) -> list[str]:
        """The rest of the visible text. cut: the reply is incomplete, so an end tag may be missing."""
        tail, self._tail = self._tail, ""
        visible = self._show(tail)
        if cut and self._expected_start is ReplyStart.REASONING and self._holding:
            self.reasoned = True
            self._held.clear()
        elif self._begun and self.start is ReplyStart.UNKNOWN and not cut:
            self.start = ReplyStart.ANSWER
        return [*visible, *self._end_hold()]

    def _receive_tag(self, kind: _Kind) -> list[str]:
        if kind is _Kind.BEGIN:
            self._inside = self.reasoned = True
            return self._end_hold()
        # Where replies start with the answer, an end tag alone is part of the answer's text.
        if kind is _Kind.END and not self._inside and self._expected_start is not ReplyStart.ANSWER:
            self.start, self.reasoned, self._begun = ReplyStart.REASONING, True, False
            self._held.clear()
            self._holding = False
        self._inside = False
        return []

    def _show(self, text: str) -> list[str]:
        """The visible part of text without tags."""
        text = text if self._begun else text.lstrip()
        if self._inside or not text:
            return []
        self._begun = True
        if not self._holding:
            return [text]
        self._held.append(text)
        self._held_characters += len(text)
        if self._held_characters <= _MAX_HELD[self._expected_start]:
            return []
        if self._expected_start is ReplyStart.UNKNOWN:
            return self.release()
        self._inside = True
        self._end_hold()
        return []


def _start_of_tag(text: str) -> int:
    """The index at which an incomplete tag may begin; the length of `text` if there is none."""
    for start in range(max(0, len(text) - _MAX_TAG_CHARACTERS), len(text)):
        if text[start] in _FIRST_CHARACTERS:
            beginning = "".join(text[start:].split()).lower()
            if any(tag.startswith(beginning) for tag in _TAGS):
                return start
    return len(text)
