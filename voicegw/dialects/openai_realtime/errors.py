"""Errors in the words of the protocol."""

from collections.abc import Iterator
from typing import Any

from voicegw.core.events import Fault
from voicegw.errors import (
    AudioMisdeclared,
    InputError,
    LimitError,
    NoReply,
    NothingToCommit,
    RateLimited,
    RecognitionFailed,
    ReplyError,
    ReplyInProgress,
    UnknownMessageType,
    VoicegwError,
)

CODES = {
    NoReply.code: "response_cancel_not_active",
    ReplyInProgress.code: "conversation_already_has_active_response",
    NothingToCommit.code: "input_audio_buffer_commit_empty",
    UnknownMessageType.code: "invalid_event_type",
    RateLimited.code: "rate_limit_exceeded",
}
_MESSAGES = {NoReply.code: "Cancellation failed: no active response found"}  # clients compare the beginning


def _codes(error: type[VoicegwError]) -> Iterator[str]:
    yield error.code
    for each in error.__subclasses__():
        yield from _codes(each)


REPLY_CODES = frozenset(_codes(ReplyError))
_CLIENT_CODES = frozenset([*_codes(InputError), *_codes(LimitError)])
# Reported by another event, or no reason for a client to end its session, as it would for any error.
_UNSENT = REPLY_CODES | {RecognitionFailed.code, AudioMisdeclared.code}


def error_of(fault: Fault) -> dict[str, Any] | None:
    """The `error` of the event; None for a fault that the client is not told by an event of its own."""
    if fault.code in _UNSENT:
        return None
    kind = "invalid_request_error" if fault.code in _CLIENT_CODES else "server_error"
    return {
        "type": kind,
        "code": CODES.get(fault.code, fault.code),
        "message": _MESSAGES.get(fault.code, fault.message),
        "param": None,
        "event_id": fault.reference or None,
    }
