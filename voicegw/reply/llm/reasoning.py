"""Takes a model's reasoning out of its reply, where the server in front of it does not: text between tags.

Tags may be split over chunks, and models spell them differently. With some models the begin tag is part of
the prompt, so that a reply begins in the middle of reasoning and only an end tag shows it: until it is known
how an endpoint's replies begin, their start is held back.
"""

import re
from enum import Enum, auto


class Opening(Enum):
    """How an endpoint's replies begin."""

    UNKNOWN = auto()
    REASONING = auto()  # in the middle of reasoning, with an end tag to come
    ANSWER = auto()


_NAMED_FOR_IT = re.compile(r"\br1\b|qwq|((?<![a-z])non?[-_. ]?)?(?:think|reasoning)", re.IGNORECASE)


def expected_opening(model: str) -> Opening:
    """How the replies of a model begin, as far as its name tells: "non-reasoning" tells that they may not."""
    named = any(match[1] is None for match in _NAMED_FOR_IT.finditer(model))
    return Opening.REASONING if named else Opening.UNKNOWN


# In characters. In doubt, longer than most spoken replies; otherwise more than anyone reasons for one.
_MOST_HELD = {Opening.UNKNOWN: 600, Opening.REASONING: 100_000}


class _Kind(Enum):
    BEGIN = auto()
    END = auto()
    MARK = auto()  # goes around the answer, or between the parts of a reply


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
_LONGEST = 2 * max(map(len, _TAGS))  # blanks within a tag included
_FIRST = "".join({tag[0] for tag in _TAGS})
_TAG = re.compile(
    "|".join(r"\s*".join(map(re.escape, tag)) for tag in sorted(_TAGS, key=len, reverse=True)), re.IGNORECASE
)


class VisibleText:
    """The part of one reply that is for the user, in pieces as the model wrote them.

    seen: how the reply began, as far as that shows; reasoned: whether there was any reasoning.
    """

    def __init__(self, opening: Opening) -> None:
        self.seen = Opening.UNKNOWN
        self.reasoned = False
        self._opening = opening
        self._holding = opening is not Opening.ANSWER
        self._begun = False  # with more than blanks
        self._inside = False  # between tags
        self._tail = ""  # may be the beginning of a tag
        self._held: list[str] = []
        self._held_characters = 0

    @property
    def in_doubt(self) -> bool:
        """Whether text is held back that is an answer unless an end tag comes."""
        return bool(self._held) and self._opening is Opening.UNKNOWN

    def receive(self, text: str) -> list[str]:
        """What is visible now."""
        visible: list[str] = []
        self._tail += text
        while (tag := _TAG.search(self._tail)) is not None:
            visible += self._pass(self._tail[: tag.start()])
            self._tail = self._tail[tag.end() :]
            visible += self._receive_tag(_TAGS["".join(tag[0].split()).lower()])
        end = _start_of_tag(self._tail)
        visible += self._pass(self._tail[:end])
        self._tail = self._tail[end:]
        return visible

    def receive_reasoning(self) -> list[str]:
        """The endpoint tells reasoning from text by itself; what is visible because of that."""
        self.reasoned = True
        return self.give_up()

    def give_up(self) -> list[str]:
        """What was held back: it is taken for an answer, unless an end tag still comes."""
        self.seen = Opening.ANSWER
        return self._release()

    def _release(self) -> list[str]:
        self._holding = False
        held, self._held = self._held, []
        return held

    def end(self, *, cut: bool) -> list[str]:
        """What is visible in the end. cut: the end tag of reasoning may have been still to come."""
        tail, self._tail = self._tail, ""
        visible = self._pass(tail)
        if cut and self._opening is Opening.REASONING and self._holding:
            self.reasoned = True
            self._held.clear()
        elif self._begun and self.seen is Opening.UNKNOWN and not cut:
            self.seen = Opening.ANSWER
        return [*visible, *self._release()]

    def _receive_tag(self, kind: _Kind) -> list[str]:
        if kind is _Kind.BEGIN:
            self._inside = self.reasoned = True
            return self._release()
        # Where replies begin with the answer, an end tag alone is a word that somebody has asked for.
        if kind is _Kind.END and not self._inside and self._opening is not Opening.ANSWER:
            self.seen, self.reasoned, self._begun = Opening.REASONING, True, False
            self._held.clear()
            self._holding = False
        self._inside = False
        return []

    def _pass(self, text: str) -> list[str]:
        """Text between tags."""
        text = text if self._begun else text.lstrip()
        if self._inside or not text:
            return []
        self._begun = True
        if not self._holding:
            return [text]
        self._held.append(text)
        self._held_characters += len(text)
        if self._held_characters <= _MOST_HELD[self._opening]:
            return []
        if self._opening is Opening.UNKNOWN:
            return self.give_up()
        self._inside = True
        self._release()
        return []


def _start_of_tag(text: str) -> int:
    """Where a tag may begin that is not complete yet; the length of `text` if nowhere."""
    for start in range(max(0, len(text) - _LONGEST), len(text)):
        if text[start] in _FIRST:
            begun = "".join(text[start:].split()).lower()
            if any(tag.startswith(begun) for tag in _TAGS):
                return start
    return len(text)
