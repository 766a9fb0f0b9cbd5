"""A session as bytes, for another process to go on with: everything it knows beside its audio and what it has
told its client.

Fields are only ever added at the end, with a default, so that gateways of neighbouring versions take sessions
over from each other while an installation is being upgraded. `VERSION` grows with any other change; a
snapshot of another version is not understood, and its session is then lost, which its client is told.
"""

from typing import TypeVar

import msgspec

from voicegw.core.audio import DecoderState, Framer
from voicegw.core.dialogue_manager import DialogueManagerState
from voicegw.core.listener import ListenerState

VERSION = 4


class SessionState(msgspec.Struct, array_like=True):
    """taken_at: monotonic seconds, by the clock that the stamps inside are of. misdeclared: the client was
    told that its audio is not what it declared. ahead_ms: how far the audio was ahead of real time. The
    others are the fields of Session."""

    taken_at: float
    messages_taken: int
    acknowledged: tuple[int, int]
    ending: bool
    decoder: DecoderState
    framer: Framer
    listener: ListenerState
    conversation: DialogueManagerState
    misdeclared: bool = False
    ahead_ms: float = 0.0


class _Versioned(msgspec.Struct, array_like=True):
    version: int
    content: msgspec.Raw


State = TypeVar("State", bound=msgspec.Struct)
_encoder = msgspec.msgpack.Encoder()


def encode(state: msgspec.Struct) -> bytes:
    """The state as bytes."""
    return _encoder.encode(_Versioned(VERSION, msgspec.Raw(_encoder.encode(state))))


def decode(data: bytes, kind: type[State]) -> State | None:
    """The state in `data`; None when it is of another version, or none at all."""
    try:
        versioned = msgspec.msgpack.decode(data, type=_Versioned)
        if versioned.version != VERSION:
            return None
        return msgspec.msgpack.decode(versioned.content, type=kind)
    except (msgspec.MsgspecError, RecursionError):  # the latter for what is nested too deeply
        return None
