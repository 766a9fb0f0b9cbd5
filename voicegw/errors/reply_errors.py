"""What went wrong with a reply: the model's, a tool's or the voice's doing."""

from voicegw.errors.base import VoicegwError


class ReplyError(VoicegwError):
    """The language model gave no reply, or half of one."""


class LLMUnreachable(ReplyError, code="llm_unreachable", retryable=True):
    """The language model endpoint refused or dropped the connection."""


class LLMUnauthorized(ReplyError, code="llm_unauthorized"):
    """The language model endpoint did not accept the API key."""


class LLMRateLimited(ReplyError, code="llm_rate_limited", retryable=True):
    """The language model endpoint is rate limiting this server."""


class LLMRejected(ReplyError, code="llm_rejected"):
    """The language model endpoint did not accept the request."""


class LLMBroken(ReplyError, code="llm_broken", retryable=True):
    """The language model endpoint had a fault of its own, or streamed something unreadable."""


class LLMTimeout(ReplyError, code="llm_timeout", retryable=True):
    """The language model was too slow to connect, to begin or to finish."""


class LLMInterrupted(ReplyError, code="llm_interrupted", retryable=True):
    """The language model's stream broke off before its end."""


class LLMUnavailable(ReplyError, code="llm_unavailable", retryable=True):
    """The language model endpoint fails repeatedly and gets no requests for a while."""


class LLMEmpty(ReplyError, code="llm_empty", retryable=True):
    """The language model ended its reply without a word."""


class LLMReasoningOnly(ReplyError, code="llm_reasoning_only", retryable=True):
    """The language model reasoned, and ended its reply without an answer."""


class LLMTokenLimit(ReplyError, code="llm_token_limit"):
    """The language model reached the token limit before its answer; in a `notice`, before its end."""


class LLMFiltered(ReplyError, code="llm_filtered"):
    """The language model endpoint's content filter stopped the reply."""


class ToolFailed(ReplyError, code="tool_failed"):
    """A tool gave no result; the model is told why, and the reply goes on."""


class TooManyToolCalls(ReplyError, code="too_many_tool_calls"):
    """The language model went on calling tools instead of answering."""


class ModerationFailed(ReplyError, code="moderation_failed", retryable=True):
    """The moderation service did not answer; the conversation goes on unjudged."""


class VoiceFailed(ReplyError, code="voice_failed", retryable=True):
    """The voice could not say a sentence, and why; the reply ends with what was heard before it."""
