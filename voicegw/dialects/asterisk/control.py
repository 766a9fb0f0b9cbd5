"""The control messages of chan_websocket, in its two forms: a line of text, or a JSON object.

A line is the name of an event, and its parameters as `name:value`; only marks have a bare value. Commands to
Asterisk have the form in which it sends events. (Asterisk's documentation, "WebSocket", "Control Commands and
Events".)
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from voicegw.dialects.port import Frame
from voicegw.dialects.text_messages import decoded
from voicegw.errors import MalformedMessage

_MARK_ID = "correlation_id"


class Event(msgspec.Struct, frozen=True):
    """Any event. name: its kind. format, frame_bytes: of a call that begins: the name of its codec, and the
    size of a piece of audio. ptime: of a piece, in ms; only versions with marks state it. variables: of the
    channel. digit: a key. mark: the id of one that was played."""

    name: object = msgspec.field(name="event", default=None)
    format: object = None
    frame_bytes: object = msgspec.field(name="optimal_frame_size", default=None)
    ptime: object = None
    variables: object = msgspec.field(name="channel_variables", default=None)
    digit: object = None
    mark: object = msgspec.field(name=_MARK_ID, default=None)

    def variable(self, name: str) -> str | None:
        """The value of a channel variable; None when it is missing or empty."""
        value = self.variables.get(name) if isinstance(self.variables, dict) else None
        return value if isinstance(value, str) and value else None


class ControlForm(Protocol):
    """The form of the commands to Asterisk."""

    def command(self, name: str, mark: str = "") -> Frame:
        """A command. mark: the id that it has, if any."""
        ...


class TextForm:
    """Commands as lines of text."""

    def command(self, name: str, mark: str = "") -> Frame:
        """See ControlForm."""
        return Frame(f"{name} {mark}".rstrip().encode())


class JsonForm:
    """Commands as JSON objects."""

    def command(self, name: str, mark: str = "") -> Frame:
        """See ControlForm."""
        return Frame(msgspec.json.encode({"command": name, **({_MARK_ID: mark} if mark else {})}))


_decoder = msgspec.json.Decoder(Event)


def decode(text: str) -> tuple[Event, ControlForm]:
    """The event in a text frame, and the form to answer in. Raises MalformedMessage."""
    if text.lstrip().startswith("{"):
        return decoded(text, _decoder), JsonForm()
    return _from_line(text), TextForm()


def _from_line(text: str) -> Event:
    words = text.split()
    if not words:
        raise MalformedMessage("an empty text message")
    values: Mapping[str, str] = {
        name: value for name, colon, value in (word.partition(":") for word in words[1:]) if colon
    }
    return Event(
        name=words[0],
        format=values.get("format"),
        frame_bytes=values.get("optimal_frame_size"),
        ptime=values.get("ptime"),
        digit=values.get("digit"),
        mark=words[1] if len(words) > 1 else None,
    )
