"""The frames of the server: each event is a JSON object with an id of its own."""

from typing import Any

import msgspec

from voicegw.dialects.openai_realtime.items import Ids
from voicegw.dialects.port import Frame

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
KINDS = frozenset(
    [
        *("error", "session.created", "session.updated"),
        *("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
        *("input_audio_buffer.committed", "input_audio_buffer.cleared"),
        *(f"conversation.item.{step}" for step in ("added", "done", "deleted", "retrieved", "truncated")),
        *(f"{_TRANSCRIPTION}.{step}" for step in ("delta", "completed", "failed")),
        *("response.created", "response.done"),
        *(
            f"response.{part}.{step}"
            for part in ("output_item", "content_part")
            for step in ("added", "done")
        ),
        *("response.output_text.delta", "response.output_text.done"),
        *("response.output_audio.delta", "response.output_audio.done"),
        *("response.output_audio_transcript.delta", "response.output_audio_transcript.done"),
        *("response.function_call_arguments.delta", "response.function_call_arguments.done"),
    ]
)
"""The events that a client may receive."""

_encoder = msgspec.json.Encoder()


class ServerEvents:
    """Builds the events of one connection."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def frame(self, kind: str, **fields: Any) -> Frame:
        """An event of this type."""
        assert kind in KINDS, kind
        return Frame(_encoder.encode({"type": kind, "event_id": self._ids.next("event")} | fields))
