"""Errors of a reply: caused by the model, a tool, moderation or the voice."""

from voicegw.errors.base import VoicegwError


class ReplyError(VoicegwError):
    """The language model gave no reply, or an incomplete one."""


class LLMUnreachable(ReplyError, code="llm_unreachable", retryable=True):
    """The language model endpoint refused or closed the connection."""


class LLMUnauthorized(ReplyError, code="llm_unauthorized"):
    """The language model endpoint rejected the API key."""


class LLMRateLimited(ReplyError, code="llm_rate_limited", retryable=True):
    """The language model endpoint is rate limiting this server."""


class LLMRejected(ReplyError, code="llm_rejected"):
    """The language model endpoint rejected the request."""


class LLMBroken(ReplyError, code="llm_broken", retryable=True):
    """The language model endpoint had an internal error, or sent an invalid response."""


class LLMTimeout(ReplyError, code="llm_timeout", retryable=True):
    """The language model endpoint did not connect, begin or finish in time."""


class LLMInterrupted(ReplyError, code="llm_interrupted", retryable=True):
    """The stream of the language model was interrupted."""


class LLMUnavailable(ReplyError, code="llm_unavailable", retryable=True):
    """The language model endpoint has failed repeatedly and is not called for a while."""


class LLMEmpty(ReplyError, code="llm_empty", retryable=True):
    """The language model returned an empty reply."""


class LLMReasoningOnly(ReplyError, code="llm_reasoning_only", retryable=True):
    """The language model returned reasoning, but no answer."""


class LLMTokenLimit(ReplyError, code="llm_token_limit"):
    """The language model reached the token limit before its answer; in a `notice`: during its answer."""


class LLMFiltered(ReplyError, code="llm_filtered"):
    """The language model endpoint's content filter stopped the reply."""


class ToolFailed(ReplyError, code="tool_failed"):
    """A tool call failed; the model gets the reason, and the reply continues."""


class TooManyToolCalls(ReplyError, code="too_many_tool_calls"):
    """The language model continued to call tools instead of answering."""


class ModerationFailed(ReplyError, code="moderation_failed", retryable=True):
    """The moderation service did not answer; the conversation continues without moderation."""


class VoiceFailed(ReplyError, code="voice_failed", retryable=True):
    """The voice failed to synthesize a sentence; the reply ends before it."""
