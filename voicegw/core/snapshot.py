"""Snapshots: a session as bytes, from which another process continues it. Its audio and its events are stored
separately.

An object of the core whose state is plain data is a msgspec Struct and part of the snapshot itself, such as
Endpointer, Utterance and DecodeContextTracker. The others have `snapshot` and `restore`.

Within a version, fields are only added, at the end and with a default, so that gateways of successive
releases can take over each other's sessions during an upgrade. Every other change increments `VERSION`. A
snapshot of another version cannot be decoded; its session is lost, and the client receives an error.
"""

from typing import TypeVar

import msgspec

from voicegw.core.audio import DecoderState, Framer
from voicegw.core.dialogue_state import DialogueManagerState
from voicegw.core.listener import ListenerState

VERSION = 4


class SessionState(msgspec.Struct, array_like=True):
    """taken_at: monotonic seconds, on the clock of all timestamps in it. misdeclared: the client was told
    that its audio is not as declared. ahead_ms: how far the audio was ahead of real time. The other fields
    are those of Session."""

    taken_at: float
    messages_taken: int
    acknowledged: tuple[int, int]
    ending: bool
    decoder: DecoderState
    framer: Framer
    listener: ListenerState
    dialogue: DialogueManagerState
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
    """The state in `data`; None when it has another version or is invalid."""
    try:
        versioned = msgspec.msgpack.decode(data, type=_Versioned)
        if versioned.version != VERSION:
            return None
        return msgspec.msgpack.decode(versioned.content, type=kind)
    except (msgspec.MsgspecError, RecursionError):  # RecursionError: nested too deeply
        return None
