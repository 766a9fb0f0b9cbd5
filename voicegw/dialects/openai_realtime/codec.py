"""The codec of one connection."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, assert_never

from voicegw.core import events
from voicegw.core.commands import Configure
from voicegw.dialects.openai_realtime import client_events, relayed
from voicegw.dialects.openai_realtime.audio_formats import RATE
from voicegw.dialects.openai_realtime.conversation import Conversation
from voicegw.dialects.openai_realtime.errors import REPLY_CODES, error_of
from voicegw.dialects.openai_realtime.inbound import Inbound
from voicegw.dialects.openai_realtime.input_items import InputItems
from voicegw.dialects.openai_realtime.items import SESSION_PREFIX, Ids
from voicegw.dialects.openai_realtime.responses import Responses
from voicegw.dialects.openai_realtime.server_events import ServerEvents
from voicegw.dialects.openai_realtime.session_fields import SessionFields
from voicegw.dialects.port import Codec, Frame, Opening, Received, ReplyAudio
from voicegw.errors import InputError, InternalError, RateLimited, RecognitionFailed, VoicegwError

_GONE, _TRY_AGAIN_LATER = 1008, 1013


class RealtimeCodec(Codec):
    """Decodes and encodes one connection. fields: the session that the request asks for. last_event_id: the
    event after which the client of a resumed session has received none."""

    def __init__(
        self, opening: Opening, ids: Ids, fields: SessionFields, last_event_id: str | None = None
    ) -> None:
        self.opening = opening
        self._session = ""
        self._events = ServerEvents(ids)
        self._conversation = Conversation()
        self._input = InputItems(self._events, ids, self._conversation, fields)
        self._responses = Responses(self._events, ids, self._conversation, fields)
        self._inbound = Inbound(ids, self._conversation, self._input, self._responses, fields)
        self._last_event_id = last_event_id or ""
        self._missed: list[events.Event] | None = None  # of a resumed session; None once they are sent
        self._superseded = False

    @property
    def fields(self) -> SessionFields:
        """The session after the updates so far."""
        return self._inbound.fields

    def fix(self, settings: Configure) -> None:
        """See Codec."""
        fields = replace(self._inbound.fields, fixed=settings)
        self._inbound.fields = self._input.fields = self._responses.fields = fields

    def continue_from(self, earlier: Codec) -> None:
        """See Codec."""
        assert isinstance(earlier, RealtimeCodec)
        fixed, self._missed = self.fields.fixed, list(earlier._missed or ())
        self._session, self._events = earlier._session, earlier._events
        self._conversation, self._inbound = earlier._conversation, earlier._inbound
        self._input, self._responses = earlier._input, earlier._responses
        earlier._superseded = True
        self.fix(fixed)

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
        """See Codec. A resumed session shows itself before what happened without its client."""
        if self._superseded:
            return []
        if self._missed is not None and not isinstance(event, events.SessionReady):
            self._missed.append(event)
            return []
        return list(self._encode(event))  # all, also if the connection is lost meanwhile

    def _encode(self, event: events.Event) -> Iterable[Frame]:
        match event:
            case events.SessionReady():
                return self._ready(event)
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

    def _ready(self, event: events.SessionReady) -> Iterator[Frame]:
        self._session = SESSION_PREFIX + event.session
        shown = self._shown(self.fields.shown_object())
        missed, self._missed = self._missed, None
        if missed is None:
            yield self._events.frame("session.created", session=shown)
            return
        shown["input_audio_ms"] = event.next_input_sample * 1000 // RATE
        yield from self._events.resumed(self._last_event_id, shown)
        for each in missed:
            yield from self._encode(each)

    def _shown(self, session: dict[str, Any]) -> dict[str, Any]:
        return session | {"id": self._session}

    def _answer(self, answer: relayed.AnyAnswer) -> Iterable[Frame]:
        match answer:
            case relayed.Prepared(kind, body):
                return (self._events.frame(kind, **body),)
            case relayed.SessionUpdated(session):
                return (self._events.frame("session.updated", session=self._shown(session)),)
            case relayed.ItemCreated(item, after):
                self._inbound.announce(item["id"])
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
        if fault.code in REPLY_CODES or fault.code in (RateLimited.code, InternalError.code):
            self._responses.fail(fault)
        error = error_of(fault)
        return () if error is None else (self._events.frame("error", error=error),)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """See Codec."""
        return () if self._superseded else self._responses.audio(audio)

    def close(self, error: VoicegwError | None) -> tuple[int, str]:
        """See Codec. Clients reconnect after some codes only."""
        code, reason = super().close(error)
        if error is not None and error.close_code is None:
            code = _TRY_AGAIN_LATER if error.retryable else _GONE
        return code, reason
