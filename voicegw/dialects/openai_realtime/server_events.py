"""The frames of the server: each event is a JSON object with an id of its own. The latest ones are kept for a
client that has lost its connection."""

from collections import deque
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

KEPT_BYTES = 64_000
_UNKEPT = ("session.created", "response.output_audio.delta")
_encoder = msgspec.json.Encoder()


class ServerEvents:
    """Builds the events of one session, and keeps the latest ones, but no audio."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._kept: deque[tuple[int, Frame]] = deque()
        self._kept_bytes = 0
        self._dropped = 0  # the number of the latest event that is kept no longer
        self._number = 0

    def frame(self, kind: str, **fields: Any) -> Frame:
        """An event of this type."""
        frame = self._frame(kind, self._ids.next("event"), fields)
        if kind not in _UNKEPT:
            self._keep(frame)
        return frame

    def _frame(self, kind: str, event_id: str, fields: dict[str, Any]) -> Frame:
        assert kind in KINDS, kind
        self._number += 1  # as in the id
        return Frame(_encoder.encode({"type": kind, "event_id": event_id} | fields))

    def _keep(self, frame: Frame) -> None:
        self._kept.append((self._number, frame))
        self._kept_bytes += len(frame.data)
        while self._kept_bytes > KEPT_BYTES:
            self._dropped, oldest = self._kept.popleft()
            self._kept_bytes -= len(oldest.data)

    def resumed(self, last_event_id: str, session: dict[str, Any]) -> list[Frame]:
        """`session.created` for a client that has lost its connection, and the kept events that were built
        after the last one that it has; none for an id that is not of this session.

        `events_complete` in the session says whether these are all. The id of `session.created` stands for
        that last one: a client that loses this connection as well, before it has the others, gets them on the
        next one."""
        last = self._ids.number_of("event", last_event_id)
        session |= {"events_complete": 0 < last >= self._dropped}
        event_id = self._ids.standing_for("event", last) if last else self._ids.next("event")
        created = self._frame("session.created", event_id, {"session": session})
        return [created, *(frame for number, frame in self._kept if 0 < last < number)]
