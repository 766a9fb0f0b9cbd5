"""The carrier's side of Telnyx media streaming ("Stream call media over WebSocket"), with linear audio.

It may lose the order of packets. Its payload is that of RTP, so the high byte of a sample comes first.
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clients.calls.carrier import Carrier, Frame, Instruction, Play
from clients.calls.twilio import instructions, json_of
from clients.errors import ProtocolError

_LEAST_MS, _MOST_MS = 20, 30_000  # of one message to Telnyx


class TelnyxCarrier(Carrier):
    """See the module."""

    name = "telnyx"
    path = "/twilio"
    rate = 16_000
    in_order = False

    def __init__(self) -> None:
        self._sequence = 0

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        yield json.dumps({"event": "connected", "version": "1.0.0"})
        start = {
            "call_control_id": "v2:1",
            "custom_parameters": {} if token is None else {"token": token},
            "media_format": {"encoding": "L16", "sample_rate": self.rate, "channels": 1},
        }
        yield self._message("start", start=start)

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        media = {
            "track": "inbound",
            "chunk": str(number + 1),
            "timestamp": str(number * self.packet_ms),
            "payload": base64.b64encode(np.frombuffer(pcm, dtype="<i2").astype(">i2").tobytes()).decode(),
        }
        yield self._message("media", media=media)

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        for instruction in instructions(json_of(frame), _samples):
            if isinstance(instruction, Play):
                length_ms = len(instruction.pcm) // 2 * 1000 / self.rate
                if not _LEAST_MS <= length_ms <= _MOST_MS:
                    raise ProtocolError(f"audio of {length_ms:g} ms in one message")
            yield instruction

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("mark", mark={"name": name})

    def end(self) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("stop", stop={"call_control_id": "v2:1"})

    def _message(self, event: str, **content: Any) -> str:
        self._sequence += 1
        numbered = {"event": event, "sequence_number": str(self._sequence), "stream_id": "32DE"}
        return json.dumps({**numbered, **content})


def _samples(payload: bytes) -> NDArray[np.int16]:
    return np.frombuffer(payload, dtype=">i2").astype(np.int16)
