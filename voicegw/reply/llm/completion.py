"""The state of one streamed reply: its text without reasoning, its tool calls, and its end."""

from voicegw.core.events import ReplyNotice, ToolCalled
from voicegw.core.responder import ModelUsage
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
from voicegw.reply.llm.reasoning import ReplyStart, VisibleText

# Endpoints use different names for the same finish reason; any other name is a normal end.
_CUT = {"length", "max_tokens", "max_output_tokens", "model_length"}
_FILTERED = {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive"}
_BROKEN = {"error", "network_error", "insufficient_system_resource", "malformed_function_call"}


class Completion:
    """`receive` takes the choice of a chunk and returns the text that becomes visible; after the last chunk,
    `end` returns the rest. `failure`, `notice` and `calls` are valid only after that.

    expected_start: how the endpoint's replies begin. begun: whether the model has written anything. tokens:
    the tokens that the request has used, as reported by the endpoint; written: those of the answer.
    """

    def __init__(self, expected_start: ReplyStart) -> None:
        self._visible = VisibleText(expected_start)
        self._text = Text()
        self._calls = ToolCallDeltas()
        self.begun = False
        self.tokens = self.written = 0
        self._hidden = 0  # characters received minus characters shown; may be negative for a short time
        self._has_visible_text = False
        self._finish = ""
        self._done = False

    @property
    def uncertain(self) -> bool:
        """Whether text is held back that is an answer unless an end tag of reasoning follows."""
        return self._visible.uncertain

    @property
    def start(self) -> ReplyStart:
        """How this reply began, as far as that is known."""
        return self._visible.start

    def receive(self, choice: Choice | None) -> list[str]:
        """The text that this choice makes visible."""
        if choice is None:
            return []
        self.begun = self.begun or choice.has_content
        self._finish = str(choice.finish_reason or "").lower() or self._finish
        delta = choice.delta
        if delta is None:
            return []
        if delta.tool_calls:
            self._calls.receive(delta.tool_calls)
        self._hidden += len(delta.text) + delta.reasoning_characters
        pieces = self._visible.receive_reasoning() if delta.has_reasoning else []
        return self._show([*pieces, *self._visible.receive(self._text.receive(delta.text))])

    @property
    def has_reasoning_to_count(self) -> bool:
        """Whether `usage` has reasoning to report now."""
        return self._hidden > 0 and not self.uncertain

    def usage(self) -> ModelUsage | None:
        """Usage in addition to the visible text, since the last call."""
        hidden, tokens = (self._hidden if self.has_reasoning_to_count else 0), self.tokens
        if not hidden and not tokens:
            return None
        self._hidden -= hidden
        used = ModelUsage(hidden, tokens, self.written)
        self.tokens = self.written = 0
        return used

    def release(self) -> list[str]:
        """The text that was held back: the wait for an end tag has taken too long."""
        return self._show(self._visible.release())

    def end(self, *, done: bool) -> list[str]:
        """The rest of the visible text. done: the endpoint marked the end of its stream."""
        self._done = done or bool(self._finish)
        if not self._done or self._finish in _BROKEN:
            return self.abort()
        return self._show(self._visible.end(cut=self._finish in _CUT))

    def abort(self) -> list[str]:
        """The rest of the visible text of a failed reply. Nothing, when no text was visible before: then the
        request can be repeated."""
        return self._show(self._visible.end(cut=True)) if self._has_visible_text else []

    def failure(self) -> ReplyError | None:
        """The error of the reply as a whole, if it has one."""
        if not self._done:  # the connection was lost, and HTTP cannot tell that from the end of the body
            return LLMInterrupted()
        if self._finish in _BROKEN:
            return LLMBroken()
        if self._finish in _FILTERED:
            return LLMFiltered()
        calls = bool(self._calls.calls())
        if self._finish in _CUT and (calls or not self._has_visible_text):
            return LLMTokenLimit()
        if self._has_visible_text or calls:
            return None
        return LLMReasoningOnly() if self._visible.reasoned else LLMEmpty()

    def notice(self) -> ReplyNotice | None:
        """The notice for a reply that did not fail, if it has one."""
        if self._finish not in _CUT:
            return None
        return ReplyNotice(LLMTokenLimit.code, "the reply was cut at the token limit")

    def calls(self) -> list[ToolCalled]:
        """The tool calls that the model requests."""
        return self._calls.calls()

    def _show(self, pieces: list[str]) -> list[str]:
        self._has_visible_text = self._has_visible_text or bool(pieces)
        self._hidden -= sum(map(len, pieces))
        return pieces
