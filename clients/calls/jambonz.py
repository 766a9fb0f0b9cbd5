"""The carrier's side of jambonz (verb `listen` with streaming replies) and of mod_audio_fork in it."""

import json
from collections.abc import Iterable

from clients.calls.carrier import Clear, Frame, Instruction, Mark
from clients.calls.raw import RawCarrier, object_of
from clients.errors import ProtocolError

_MAX_MARKS = 30  # that may wait; more are discarded


class JambonzCarrier(RawCarrier):
    """jambonz's documentation, "listen"; mod_audio_fork, lws_glue.cpp."""

    name = "jambonz"
    path = "/bridge"
    subprotocols = ("audio.jambonz.org",)

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._cleared: set[str] = set()

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        call = {"callSid": "c1", "direction": "inbound", "from": "+15550001", "to": "+15550002"}
        yield json.dumps({"sampleRate": self.rate, "mixType": "mono", **call})

    def read_text(self, text: str) -> Iterable[Instruction]:
        """See RawCarrier."""
        message = object_of(text)
        match message.get("type"):
            case "mark":
                return self._mark(message["data"]["name"])
            case "killAudio":
                self._cleared |= self._waiting
                return (Clear(),)
            case "json" | "disconnect" | "error":
                return ()
            case other:
                raise ProtocolError(f"no such message: {other}")

    def _mark(self, name: str) -> Iterable[Instruction]:
        if len(self._waiting) >= _MAX_MARKS:
            return ()
        self._waiting.add(name)
        return (Mark(name),)

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        self._waiting.discard(name)
        event = "cleared" if name in self._cleared else "playout"
        yield json.dumps({"type": "mark", "data": {"name": name, "event": event}})
