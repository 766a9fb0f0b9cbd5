"""What the codec relays to itself: answers to the client's events that have their place between other
events (`Relay` in core/commands.py)."""

from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of the answers."""


class Prepared(Answer, frozen=True):
    """An event that depends on nothing else. body: its fields."""

    kind: str
    body: dict[str, Any]


class SessionUpdated(Answer, frozen=True):
    """The session was updated. session: its object, without its id."""

    session: dict[str, Any]


class ItemCreated(Answer, frozen=True):
    """The client's item is in the conversation. after: as in AddItem."""

    item: dict[str, Any]
    after: str | None


class ItemDeleted(Answer, frozen=True):
    """An item is no longer in the conversation."""

    item_id: str


class AudioCommitted(Answer, frozen=True):
    """The client ended its turn."""


class AudioCleared(Answer, frozen=True):
    """The client discarded its audio since the last turn."""


class ResponseRequested(Answer, frozen=True):
    """The client requested a response. shown: fields of it that are repeated in the response. separate: it
    is not a part of the conversation."""

    modality: str
    shown: dict[str, Any]
    separate: bool


AnyAnswer = (
    Prepared | SessionUpdated | ItemCreated | ItemDeleted | AudioCommitted | AudioCleared | ResponseRequested
)
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyAnswer] = msgspec.msgpack.Decoder(AnyAnswer)


def encode(answer: AnyAnswer) -> bytes:
    """The answer as the data of a Relay."""
    return _encoder.encode(answer)


def decode(data: bytes) -> AnyAnswer:
    """The answer in the data of a Relay."""
    return _decoder.decode(data)
