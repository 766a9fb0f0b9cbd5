"""One response: its items, and what is shown of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voicegw.core.events import Fault, ReplyReason
from voicegw.core.messages import TokenUsage
from voicegw.dialects.openai_realtime.errors import CODES
from voicegw.errors import LLMFiltered

_CANCELLED = {ReplyReason.INTERRUPTED: "turn_detected", ReplyReason.CANCELLED: "client_cancelled"}


@dataclass
class MessageOutput:
    """The message of a response. index: among the output items. audio_ms: of the audio that was sent."""

    id: str
    index: int
    text: str = ""
    audio_ms: float = 0.0

    def characters_until(self, audio_ms: int) -> int:
        """About how many characters were spoken in the first `audio_ms`, up to the end of a word."""
        if audio_ms >= self.audio_ms:
            return len(self.text)
        spoken = round(len(self.text) * audio_ms / self.audio_ms)
        return max(0, self.text.rfind(" ", 0, spoken + 1))


@dataclass
class Response:
    """conversation: the id of the conversation that it is a part of; None for none. shown: fields that are
    repeated. turn: whose reply it is, once that is known. output: the finished items, by their index."""

    id: str
    modality: str
    conversation: str | None
    shown: Mapping[str, Any] = field(default_factory=dict)
    turn: int | None = None
    message: MessageOutput | None = None
    output: dict[int, dict[str, Any]] = field(default_factory=dict)
    items: int = 0
    cut: bool = False
    failure: Fault | None = None

    @property
    def speaks(self) -> bool:
        """Whether it is spoken."""
        return self.modality == "audio"

    def object(self, reason: ReplyReason | None = None, usage: object = None) -> dict[str, Any]:
        """The response for the client. reason: why it ended; None while it is in progress."""
        status, details = ("in_progress", None) if reason is None else self._status(reason)
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [item for _, item in sorted(self.output.items())],
            "conversation_id": self.conversation,
            "output_modalities": [self.modality],
            "max_output_tokens": "inf",
            "metadata": None,
            "usage": usage,
        } | dict(self.shown)

    def _status(self, reason: ReplyReason) -> tuple[str, dict[str, Any]]:
        if reason in _CANCELLED:
            return "cancelled", {"type": "cancelled", "reason": _CANCELLED[reason]}
        filtered = reason is ReplyReason.MODERATED
        if filtered or (self.failure is not None and self.failure.code == LLMFiltered.code):
            return "incomplete", {"type": "incomplete", "reason": "content_filter"}
        if reason is ReplyReason.FAILED:
            return "failed", {"type": "failed", "error": self._error()}
        if self.cut:
            return "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}
        return "completed", {"type": "completed"}

    def _error(self) -> dict[str, Any]:
        fault = self.failure
        if fault is None:
            return {"type": "server_error", "code": "failed", "message": "the reply failed"}
        return {"type": "server_error", "code": CODES.get(fault.code, fault.code), "message": fault.message}


def usage_of(used: TokenUsage) -> dict[str, Any]:
    """The tokens of a response. The model reads and writes text, also of speech."""
    read = {"text_tokens": used.prompt, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0}
    return {
        "total_tokens": used.prompt + used.written,
        "input_tokens": used.prompt,
        "output_tokens": used.written,
        "input_token_details": read,
        "output_token_details": {"text_tokens": used.written, "audio_tokens": 0},
    }
