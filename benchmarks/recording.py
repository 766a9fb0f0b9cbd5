"""The recording of one session at the client: every message with its arrival time.

All times are seconds of the host's monotonic clock, which client, server and model endpoint share.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from clients.audio import FRAME_MS
from clients.conversation import normalised
from voicegw.dialects import native


class Received(msgspec.Struct, frozen=True):
    """A message and when it arrived."""

    at_s: float
    message: native.ServerMessage


class Recording(msgspec.Struct, frozen=True):
    """A session: when its first frame was scheduled, how much was sent, and the received messages.

    latest_send_s: the maximum lateness of a frame; more than a frame means that the client itself had too
    little CPU, and that the latencies are too high by as much.
    """

    file: str
    begin_s: float
    sent_samples: int
    rate: int
    latest_send_s: float
    received: tuple[Received, ...]

    def scheduled_s(self, at_ms: int) -> float:
        """S(x): when the frame with this audio time was scheduled."""
        return self.begin_s + at_ms // FRAME_MS * FRAME_MS / 1000


@dataclass(frozen=True)
class Update:
    """The text of a turn from a moment on; a final is the last update, and is stable."""

    at_s: float
    stable: str
    tentative: str = ""

    @property
    def text(self) -> str:
        """All shown words."""
        return f"{self.stable} {self.tentative}".strip()

    @cached_property
    def words(self) -> list[str]:
        """The shown words as they are compared."""
        return normalised(self.text)


@dataclass(frozen=True)
class RecordedTurn:
    """A turn with its messages and their arrivals; None for messages that were not received."""

    updates: tuple[Update, ...] = ()
    started: native.SpeechStartedMessage | None = None
    stopped: native.SpeechStoppedMessage | None = None
    stopped_at_s: float | None = None
    final: native.FinalMessage | None = None
    final_at_s: float | None = None
    first_token_at_s: float | None = None
    latency: native.LatencyMessage | None = None


def turns_of(recording: Recording) -> list[RecordedTurn]:
    """The session's spoken turns, in order."""
    turns: dict[int, RecordedTurn] = {}
    for item in recording.received:
        number = getattr(item.message, "turn", None)
        if number is not None:
            turns[number] = _with(turns.get(number, RecordedTurn()), item.message, item.at_s)
    return [turn for _, turn in sorted(turns.items())]


def _with(turn: RecordedTurn, message: native.ServerMessage, at_s: float) -> RecordedTurn:
    match message:
        case native.SpeechStartedMessage():
            return replace(turn, started=message)
        case native.PartialMessage(stable=stable, tentative=tentative):
            return replace(turn, updates=(*turn.updates, Update(at_s, stable, tentative)))
        case native.SpeechStoppedMessage():
            return replace(turn, stopped=message, stopped_at_s=at_s)
        case native.FinalMessage(text=text):
            updates = (*turn.updates, Update(at_s, text))
            return replace(turn, updates=updates, final=message, final_at_s=at_s)
        case native.ReplyStartedMessage():
            return replace(turn, first_token_at_s=at_s)
        case native.LatencyMessage():
            return replace(turn, latency=message)
        case _:
            return turn


def lost_samples(recording: Recording) -> int:
    """Samples that were sent but not acknowledged, or that lie in speech which no final covers.

    In samples at the client's rate. Nothing else can be lost: acknowledged audio outside of speech is
    silence.
    """
    acknowledged = max(
        (
            item.message.samples
            for item in recording.received
            if isinstance(item.message, native.AckedMessage)
        ),
        default=0,
    )
    uncovered_ms = sum(_uncovered_ms(turn) for turn in turns_of(recording))
    return recording.sent_samples - acknowledged + uncovered_ms * recording.rate // 1000


def _uncovered_ms(turn: RecordedTurn) -> int:
    """The part of a turn's speech, as the server itself announced it, that its final does not cover."""
    if turn.started is None:
        return 0
    begin = turn.started.at_ms
    if turn.final is None:
        return max(0, (turn.stopped.at_ms if turn.stopped else begin + FRAME_MS) - begin)
    end = turn.stopped.at_ms if turn.stopped else turn.final.end_ms
    return max(0, turn.final.start_ms - begin) + max(0, end - turn.final.end_ms)
