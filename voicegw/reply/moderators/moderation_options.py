"""The options of moderation."""

from dataclasses import dataclass

from voicegw.core.options import option


@dataclass(frozen=True)
class ModerationOptions:
    """Which endpoint or function moderates text, if any, and how often."""

    model: str | None = option(
        None, "moderation model, by the endpoint's name for it; a name turns moderation on"
    )
    url: str | None = option(None, "base URL of an OpenAI-compatible endpoint; OpenAI's by default")
    api_key: str | None = option(None, "API key; without one, none is sent", secret=True)
    entry_point: str | None = option(
        None, "`package.module:function` that moderates in place of an endpoint; a path turns moderation on"
    )
    timeout_ms: int = option(2_000, "longest wait for a judgement", ge=1, le=60_000)
    every_characters: int = option(
        200, "length after which a reply is moderated within a sentence", ge=20, le=100_000
    )

    @property
    def configured(self) -> bool:
        """Whether text is moderated."""
        return self.model is not None or self.entry_point is not None
