"""One reply of a model as its chunks come: its text without reasoning, its tool calls, and how it ended."""

from voicegw.core.dialogue import ModelUsage
from voicegw.core.events import ReplyNotice, ToolCalled
from voicegw.errors import (
    LLMBroken,
    LLMEmpty,
    LLMFiltered,
    LLMInterrupted,
    LLMReasoningOnly,
    LLMTokenLimit,
    ReplyError,
)
from voicegw.reply.llm.chunks import Choice, Text, ToolCallDeltas
from voicegw.reply.llm.reasoning import Opening, VisibleText

# Endpoints spell the same ends differently; what is in none of these is an ordinary end.
_CUT = {"length", "max_tokens", "max_output_tokens", "model_length"}
_FILTERED = {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive"}
_BROKEN = {"error", "network_error", "insufficient_system_resource", "malformed_function_call"}


class Completion:
    """`receive` takes what a chunk adds and gives what is visible of it; after the last one, `end` gives the
    rest. Only then `failure`, `notice` and `calls` are known.

    opening: how the endpoint's replies begin. begun: whether the model has written anything. tokens: what the
    endpoint says that the request has used.
    """

    def __init__(self, opening: Opening) -> None:
        self._visible = VisibleText(opening)
        self._text = Text()
        self._calls = ToolCallDeltas()
        self.begun = False
        self.tokens = 0
        self._hidden = 0  # characters written and not shown, which may be negative for what was held back
        self._worded = False
        self._finish = ""
        self._done = False

    @property
    def in_doubt(self) -> bool:
        """Whether text is held back that is an answer unless an end tag of reasoning comes."""
        return self._visible.in_doubt

    @property
    def opening(self) -> Opening:
        """How this reply began, as far as it shows."""
        return self._visible.seen

    def receive(self, choice: Choice | None) -> list[str]:
        """What is visible now."""
        if choice is None:
            return []
        self.begun = self.begun or choice.alive
        self._finish = str(choice.finish_reason or "").lower() or self._finish
        delta = choice.delta
        if delta is None:
            return []
        if delta.tool_calls:
            self._calls.receive(delta.tool_calls)
        self._hidden += len(delta.text) + delta.hidden
        pieces = self._visible.receive_reasoning() if delta.reasons else []
        return self._shown([*pieces, *self._visible.receive(self._text.receive(delta.text))])

    @property
    def hides(self) -> bool:
        """Whether there is reasoning to be counted."""
        return self._hidden > 0 and not self.in_doubt

    def usage(self) -> ModelUsage | None:
        """What is to be counted beside what is visible, since this was asked last."""
        hidden, tokens = (self._hidden if self.hides else 0), self.tokens
        if not hidden and not tokens:
            return None
        self._hidden -= hidden
        self.tokens = 0
        return ModelUsage(hidden, tokens)

    def give_up(self) -> list[str]:
        """What was held back: an end tag has been waited for long enough."""
        return self._shown(self._visible.give_up())

    def end(self, *, done: bool) -> list[str]:
        """The rest of what is visible. done: the endpoint has said that this is the end."""
        self._done = done or bool(self._finish)
        if not self._done or self._finish in _BROKEN:
            return self.break_off()
        return self._shown(self._visible.end(cut=self._finish in _CUT))

    def break_off(self) -> list[str]:
        """The rest of what is visible of a reply that has failed. Where nothing was visible before, nothing
        is now: the whole reply can be asked for again."""
        return self._shown(self._visible.end(cut=True)) if self._worded else []

    def failure(self) -> ReplyError | None:
        """What is wrong with the reply as a whole."""
        if not self._done:  # a connection lost where HTTP cannot tell it from the end
            return LLMInterrupted()
        if self._finish in _BROKEN:
            return LLMBroken()
        if self._finish in _FILTERED:
            return LLMFiltered()
        calls = bool(self._calls.calls())
        if self._finish in _CUT and (calls or not self._worded):
            return LLMTokenLimit()
        if self._worded or calls:
            return None
        return LLMReasoningOnly() if self._visible.reasoned else LLMEmpty()

    def notice(self) -> ReplyNotice | None:
        """What is to be said of a reply that has not failed."""
        if self._finish not in _CUT:
            return None
        return ReplyNotice(LLMTokenLimit.code, "the reply was cut at the token limit")

    def calls(self) -> list[ToolCalled]:
        """The calls that the model wants made."""
        return self._calls.calls()

    def _shown(self, pieces: list[str]) -> list[str]:
        self._worded = self._worded or bool(pieces)
        self._hidden -= sum(map(len, pieces))
        return pieces
