"""The codec of one connection."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from voicegw.core import events
from voicegw.core.commands import Configure
from voicegw.dialects.openai_realtime import client_events, relayed
from voicegw.dialects.openai_realtime.conversation import Conversation
from voicegw.dialects.openai_realtime.errors import REPLY_CODES, error_of
from voicegw.dialects.openai_realtime.inbound import Inbound
from voicegw.dialects.openai_realtime.input_items import InputItems
from voicegw.dialects.openai_realtime.items import Ids
from voicegw.dialects.openai_realtime.responses import Responses
from voicegw.dialects.openai_realtime.server_events import ServerEvents
from voicegw.dialects.openai_realtime.session_fields import SessionFields
from voicegw.dialects.port import Codec, Frame, Opening, Received, ReplyAudio
from voicegw.errors import InputError, RateLimited, RecognitionFailed, VoicegwError

_GONE, _TRY_AGAIN_LATER = 1008, 1013


class RealtimeCodec(Codec):
    """Decodes and encodes one connection. fields: the session that the request asks for."""

    def __init__(self, opening: Opening, ids: Ids, fields: SessionFields) -> None:
        self.opening = opening
        self._ids = ids
        self._events = ServerEvents(ids)
        self._conversation = Conversation()
        self._input = InputItems(self._events, ids, self._conversation, fields)
        self._responses = Responses(self._events, ids, self._conversation, fields)
        self._inbound = Inbound(ids, self._conversation, self._input, self._responses, fields)

    @property
    def fields(self) -> SessionFields:
        """The session after the updates so far."""
        return self._inbound.fields

    def fix(self, settings: Configure) -> None:
        """See Codec."""
        fields = replace(self._inbound.fields, fixed=settings)
        self._inbound.fields = self._input.fields = self._responses.fields = fields

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """See Codec. Raises an InputError."""
        try:
            event = client_events.decode(frame)
        except InputError:
            self.reference = client_events.reference_of(frame)
            raise
        self.reference = event.event_id or ""
        return self._receive(event)

    def _receive(self, event: client_events.AnyClientEvent) -> Iterator[Received]:
        yield from self._inbound.receive(event)
        self._input.fields = self._responses.fields = self._inbound.fields

    def send_event(self, event: events.Event, number: int) -> Iterable[Frame]:
        """See Codec."""
        match event:
            case events.SessionReady():
                session = self._inbound.fields.shown_object(self._ids.session)
                return (self._events.frame("session.created", session=session),)
            case events.SpeechStarted():
                return self._input.start(event)
            case events.PartialTranscript():
                return self._input.partial(event)
            case events.SpeechStopped():
                return self._input.stop(event)
            case events.FinalTranscript():
                return self._input.final(event)
            case events.ReplyDelta():
                return self._responses.text(event)
            case events.ReplyStep():
                return self._responses.step(event)
            case events.ReplyDone():
                return self._responses.done(event)
            case events.Relayed(data):
                return self._answer(relayed.decode(data))
            case events.Fault():
                return self._fault(event)
            case _:
                return ()  # the protocol has no event for it

    def _answer(self, answer: relayed.AnyAnswer) -> Iterable[Frame]:
        match answer:
            case relayed.Prepared(kind, body):
                return (self._events.frame(kind, **body),)
            case relayed.ItemCreated(item, after):
                previous = self._conversation.add(item, after)
                steps = ("added", "done")
                return [
                    self._events.frame(f"conversation.item.{step}", item=item, previous_item_id=previous)
                    for step in steps
                ]
            case relayed.ItemDeleted(item_id):
                if item_id in self._conversation:
                    self._conversation.delete(item_id)
                return (self._events.frame("conversation.item.deleted", item_id=item_id),)
            case relayed.AudioCommitted():
                return self._input.commit()
            case relayed.AudioCleared():
                return self._input.clear()
            case relayed.ResponseRequested():
                return self._responses.request(answer)
            case _:
                assert_never(answer)

    def _fault(self, fault: events.Fault) -> Iterable[Frame]:
        if fault.code == RecognitionFailed.code:
            self._input.fail()
        if fault.code in REPLY_CODES or fault.code == RateLimited.code:
            self._responses.fail(fault)
        error = error_of(fault)
        return () if error is None else (self._events.frame("error", error=error),)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """See Codec."""
        return self._responses.audio(audio)

    def close(self, error: VoicegwError | None) -> tuple[int, str]:
        """See Codec. Clients reconnect after some codes only."""
        code, reason = super().close(error)
        if error is not None and error.close_code is None:
            code = _TRY_AGAIN_LATER if error.retryable else _GONE
        return code, reason
