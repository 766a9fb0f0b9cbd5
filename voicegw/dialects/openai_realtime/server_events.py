"""The frames of the server: each event is a JSON object with an id of its own."""

from typing import Any

import msgspec

from voicegw.dialects.openai_realtime.items import Ids
from voicegw.dialects.port import Frame

_encoder = msgspec.json.Encoder()


class ServerEvents:
    """Builds the events of one connection."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def frame(self, kind: str, **fields: Any) -> Frame:
        """An event of this type."""
        return Frame(_encoder.encode({"type": kind, "event_id": self._ids.next("event")} | fields))
