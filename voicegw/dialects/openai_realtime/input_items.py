"""The items of the user's audio: speech that begins and stops, commits, and transcripts.

Only words that no longer change are sent, each once, so that the deltas of an item together are its
transcript. The items are completed in order, because clients join the deltas of all items until one is
complete. Where the client ends turns by commits, an item may contain several utterances.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from voicegw.core.audio import SAMPLE_RATE, to_ms
from voicegw.core.events import EndReason, FinalTranscript, PartialTranscript, SpeechStarted, SpeechStopped
from voicegw.dialects.openai_realtime.conversation import Conversation
from voicegw.dialects.openai_realtime.items import Ids, spoken_item
from voicegw.dialects.openai_realtime.server_events import ServerEvents
from voicegw.dialects.openai_realtime.session_fields import SessionFields
from voicegw.dialects.port import Frame

MOST_LONG_ITEMS = 1_000
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass
class _InputItem:
    """texts: what was sent of each utterance. open: utterances without their final. samples: of speech."""

    id: str
    texts: dict[int, str] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    committed: bool = False
    failed: bool = False
    samples: int = 0

    @property
    def transcript(self) -> str:
        """All that was sent."""
        return _joined(self.texts.values())


class InputItems:
    """fields: the session, which the caller keeps up to date."""

    def __init__(
        self, events: ServerEvents, ids: Ids, conversation: Conversation, fields: SessionFields
    ) -> None:
        self.fields = fields
        self._events = events
        self._ids = ids
        self._conversation = conversation
        self._items: list[_InputItem] = []  # not complete, oldest first
        self._long_items: dict[str, dict[int, str]] = {}  # complete ones of several utterances: their texts
        self._recognition_failed = False

    def start(self, event: SpeechStarted) -> Iterator[Frame]:
        """The user begins to speak."""
        item = self._uncommitted()
        if item is None:
            self._items.append(item := _InputItem(self._ids.speech(event.turn)))
        item.open.add(event.turn)
        item.texts[event.turn] = ""
        if not self.fields.turn_detection.manual:
            at = max(0, to_ms(event.at) - self.fields.turn_detection.prefix_padding_ms)
            yield self._events.frame("input_audio_buffer.speech_started", audio_start_ms=at, item_id=item.id)

    def stop(self, event: SpeechStopped) -> Iterator[Frame]:
        """The utterance is over; without manual commits, the item too."""
        item = self._item_of(event.turn)
        if item is None or self.fields.turn_detection.manual or item.committed:
            return
        yield self._events.frame(
            "input_audio_buffer.speech_stopped", audio_end_ms=to_ms(event.at), item_id=item.id
        )
        if event.reason is not EndReason.DISCARDED:
            yield from self._commit(item)

    def commit(self) -> Iterator[Frame]:
        """The client ends its turn. Outside of manual turns, `stop` follows if there is an utterance."""
        item = self._uncommitted()
        if item is None:
            self._items.append(item := _InputItem(self._ids.next("item")))
        elif not self.fields.turn_detection.manual and item.open:
            return
        yield from self._commit(item)
        yield from self._complete()

    def clear(self) -> Iterator[Frame]:
        """The client discarded what is not committed."""
        if (item := self._uncommitted()) is not None:
            self._items.remove(item)
        yield self._events.frame("input_audio_buffer.cleared")

    @property
    def uncommitted_turns(self) -> list[int]:
        """The utterances that belong to no committed item yet."""
        item = self._uncommitted()
        return [] if item is None else list(item.texts)

    def turns_of(self, item_id: str) -> list[int]:
        """The utterances with words in an item, where it has several."""
        texts = self._long_items | {item.id: item.texts for item in self._items}
        return [turn for turn, text in texts.get(item_id, {}).items() if text]

    def fail(self) -> None:
        """The final that follows lacks words."""
        self._recognition_failed = True

    def partial(self, event: PartialTranscript) -> Iterator[Frame]:
        """New words. Those of a later item wait."""
        item = self._item_of(event.turn)
        if item is not None and item is self._items[0] and event.turn == min(item.open):
            yield from self._send(item, event.turn, event.stable)

    def final(self, event: FinalTranscript) -> Iterator[Frame]:
        """The last words of an utterance."""
        failed, self._recognition_failed = self._recognition_failed, False
        item = self._item_of(event.turn)
        if item is None:
            return
        yield from self._send(item, event.turn, event.text)
        item.open.discard(event.turn)
        item.failed = item.failed or (failed and not event.text)
        item.samples += event.end - event.start
        yield from self._complete()

    def _uncommitted(self) -> _InputItem | None:
        newest = self._items[-1] if self._items else None
        return None if newest is None or newest.committed else newest

    def _item_of(self, turn: int) -> _InputItem | None:
        return next((item for item in self._items if turn in item.texts), None)

    def _commit(self, item: _InputItem) -> Iterator[Frame]:
        item.committed = True
        shown = spoken_item(item.id)
        previous = self._conversation.add(shown)
        yield self._events.frame("input_audio_buffer.committed", item_id=item.id, previous_item_id=previous)
        for step in ("added", "done"):
            yield self._events.frame(f"conversation.item.{step}", item=shown, previous_item_id=previous)

    def _send(self, item: _InputItem, turn: int, text: str) -> Iterator[Frame]:
        """Sends what is new in the text of an utterance."""
        before = item.transcript
        item.texts[turn] = text
        delta = item.transcript[len(before) :]
        if delta and self.fields.transcribes:
            yield self._events.frame(f"{_TRANSCRIPTION}.delta", item_id=item.id, content_index=0, delta=delta)

    def _complete(self) -> Iterator[Frame]:
        """Completes the oldest items, as far as all of their words are known."""
        while self._items and self._items[0].committed and not self._items[0].open:
            item = self._items.pop(0)
            self._conversation.update(_with_transcript(item))
            if len(item.texts) > 1:
                self._remember(item)
            if self.fields.transcribes:
                yield self._failed(item) if item.failed else self._completed(item)

    def _remember(self, item: _InputItem) -> None:
        self._long_items[item.id] = item.texts
        while len(self._long_items) > MOST_LONG_ITEMS:
            del self._long_items[next(iter(self._long_items))]

    def _completed(self, item: _InputItem) -> Frame:
        usage = {"type": "duration", "seconds": round(item.samples / SAMPLE_RATE, 3)}
        about = {"item_id": item.id, "content_index": 0}
        return self._events.frame(
            f"{_TRANSCRIPTION}.completed", **about, transcript=item.transcript, usage=usage
        )

    def _failed(self, item: _InputItem) -> Frame:
        error = {
            "type": "server_error",
            "code": "recognition_failed",
            "message": "the audio could not be transcribed",
            "param": None,
        }
        return self._events.frame(f"{_TRANSCRIPTION}.failed", item_id=item.id, content_index=0, error=error)


def _with_transcript(item: _InputItem) -> dict[str, object]:
    return spoken_item(item.id) | {"content": [{"type": "input_audio", "transcript": item.transcript}]}


def _joined(texts: Iterable[str]) -> str:
    return " ".join(text for text in texts if text)
