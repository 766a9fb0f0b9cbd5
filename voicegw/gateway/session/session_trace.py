"""The spans of one session: of the session, of its turns, and of what a user waits for in a turn.

It observes the actions of the session. Work that an action starts runs with the span of its turn as the
current one, so the spans of decodes, model requests, tools and voices become its children.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from opentelemetry import context, trace
from websockets.asyncio.server import ServerConnection

from voicegw.core import actions, events
from voicegw.core.latency import TurnLatency
from voicegw.tracing import fail, parent_of, span, tracer

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _Turn:
    """A turn that is not over. Times are Unix times in ns; 0 for what did not happen."""

    span: trace.Span
    context: context.Context
    endpoint_ns: int = 0
    final_ns: int = 0


def connection_span(socket: ServerConnection, dialect: str) -> AbstractContextManager[trace.Span]:
    """The span of a connection; its parent is the one that the request names."""
    assert socket.request is not None, "the handshake is complete"
    parent = parent_of(socket.request.headers.raw_items())
    return span("connection", {"voicegw.dialect": dialect}, kind=trace.SpanKind.SERVER, parent=parent)


class SessionTrace:
    """The span of the session is a child of the span that is current when it begins, and ends with `end`.

    with_text: spans contain what the user says and what the model answers.
    """

    def __init__(self, session: str, dialect: str, *, with_text: bool) -> None:
        attributes = {"session.id": session, "voicegw.dialect": dialect}
        self._span = tracer.start_span("session", attributes=attributes)
        self._context = trace.set_span_in_context(self._span)
        self._with_text = with_text
        self._turns: dict[int, _Turn] = {}
        self._newest = 0

    def around(self, perform: Callable[[actions.Action], None]) -> Callable[[actions.Action], None]:
        """`perform`, observed; `perform` itself when the session is not traced, so that this costs nothing
        then."""
        if not self._span.is_recording():
            return perform

        def traced(action: actions.Action) -> None:
            if isinstance(action, actions.SendEvent):
                self._receive(action.event)
            token = context.attach(self._context_of(action))
            try:
                perform(action)
            finally:
                context.detach(token)

        return traced

    def end(self, error_code: str | None) -> None:
        """The session is over. error_code: None for a requested end."""
        for turn in self._turns.values():
            turn.span.end()
        self._turns.clear()
        if error_code is not None:
            fail(self._span, error_code)
        self._span.end()

    def _context_of(self, action: actions.Action) -> context.Context:
        """The context for the work that an action starts: that of its turn; for recognition, that of the
        newest one."""
        match action:
            case actions.Respond(number):
                return (self._turns.get(number) or self._open(number)).context
            case actions.Speak(number) | actions.FollowBackgroundCall(number):
                turn = self._turns.get(number)
            case actions.Recognize():
                turn = self._turns.get(self._newest)
            case _:
                return self._context
        return self._context if turn is None else turn.context

    def _open(self, number: int) -> _Turn:
        opened = tracer.start_span("turn", self._context, attributes={"voicegw.turn": number})
        turn = self._turns[number] = _Turn(opened, trace.set_span_in_context(opened, self._context))
        self._newest = max(self._newest, number)
        return turn

    def _receive(self, event: events.Event) -> None:
        match event:
            case events.SpeechStarted(number):
                self._open(number)
            case events.Fault(code):
                self._span.add_event("error", {"error.type": code})
            case (
                events.SpeechStopped() | events.FinalTranscript() | events.ReplyStarted() | events.ReplyDone()
            ):
                if (turn := self._turns.get(event.turn)) is not None:
                    self._note(turn, event)
            case TurnLatency():
                if (turn := self._turns.pop(event.turn, None)) is not None:
                    _finish(turn, event)
            case _:
                pass

    def _note(self, turn: _Turn, event: events.Event) -> None:
        match event:
            case events.SpeechStopped():
                turn.endpoint_ns = time.time_ns()
            case events.FinalTranscript(text=text):
                turn.final_ns = time.time_ns()
                self._note_text(turn, "voicegw.transcript", text)
            case events.ReplyStarted():
                turn.span.add_event("first token")
            case events.ReplyDone(text=text, reason=reason):
                turn.span.set_attribute("voicegw.reply.end", reason.value)
                self._note_text(turn, "voicegw.reply", text)
            case _:
                pass

    def _note_text(self, turn: _Turn, name: str, text: str) -> None:
        if self._with_text:
            turn.span.set_attribute(name, text)


def _finish(turn: _Turn, latency: TurnLatency) -> None:
    """Ends a turn; adds the spans from the end of speech to the decision that it has ended, and from there to
    the final words."""
    if turn.endpoint_ns and latency.endpoint_ms is not None:
        speech_end_ns = turn.endpoint_ns - round(latency.endpoint_ms * _NS_PER_MS)
        _add(turn, "endpoint", speech_end_ns, turn.endpoint_ns)
    if turn.endpoint_ns and turn.final_ns:
        _add(turn, "finalization", turn.endpoint_ns, turn.final_ns)
    for name in ("first_token_ms", "first_audio_ms", "done_ms"):
        if (value := getattr(latency, name)) is not None:
            turn.span.set_attribute(f"voicegw.{name}", value)
    turn.span.set_attribute("voicegw.speculative", latency.speculative)
    turn.span.end()


def _add(turn: _Turn, name: str, start_ns: int, end_ns: int) -> None:
    tracer.start_span(name, turn.context, start_time=start_ns).end(end_ns)
