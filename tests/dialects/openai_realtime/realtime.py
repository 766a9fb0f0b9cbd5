"""A codec under test: what its client sends, and the events that it gets."""

import json
from typing import Any

from websockets.datastructures import Headers

from voicegw.core import events
from voicegw.core.commands import Relay
from voicegw.dialects.openai_realtime import PATH, RealtimeDialect
from voicegw.dialects.openai_realtime.codec import RealtimeCodec
from voicegw.dialects.port import Frame, Handshake, Received

READY = events.SessionReady("secret", 1, False, 0, events.Limits(1, 1, 1))
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PREFIX = "a3a5e4f4ae71"  # of the ids that belong to this key


def connected(
    query: str = "model=any", headers: dict[str, str] | None = None, *, speaks: bool = True
) -> RealtimeCodec:
    """The codec of a new connection."""
    sent = Headers({"Sec-WebSocket-Key": KEY} | (headers or {}))
    return RealtimeDialect(speaks=speaks).connect(Handshake(PATH, query, sent))


class Client:
    """`commands`: for the session, without what the codec relays to itself. `received`: the events."""

    def __init__(self, codec: RealtimeCodec | None = None, *begin: events.Event) -> None:
        self.codec = codec or connected()
        self.commands: list[Received] = []
        self.received: list[dict[str, Any]] = []
        self.hear(*(begin or (READY,)))

    def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Sends an event; returns the answers."""
        return self.send_raw(json.dumps({"type": kind} | fields))

    def send_raw(self, frame: str | bytes) -> list[dict[str, Any]]:
        begin = len(self.received)
        for each in self.codec.receive(frame):
            if isinstance(each, Relay):
                self.hear(events.Relayed(each.data))
            else:
                self.commands.append(each)
        return self.received[begin:]

    def update(self, **session: Any) -> dict[str, Any]:
        """Updates the session; returns the one that is in effect."""
        [updated] = self.send("session.update", session=session)
        shown: dict[str, Any] = updated["session"]
        return shown

    def hear(self, *happened: events.Event) -> list[dict[str, Any]]:
        """The session sends these events; returns those that the client gets."""
        frames = [frame for event in happened for frame in self.codec.send_event(event, 1)]
        return self.take(frames)

    def take(self, frames: list[Frame]) -> list[dict[str, Any]]:
        found = [json.loads(frame.data) for frame in frames]
        self.received += found
        return found

    def kinds(self) -> list[str]:
        """The types of the events so far."""
        return [event["type"] for event in self.received]


def nested(path: str, value: Any) -> dict[str, Any]:
    """The value as the field at `path` of an object."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)
