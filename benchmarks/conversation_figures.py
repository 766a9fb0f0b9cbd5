"""Recordings of whole conversations, and the requests their server made, as the named figures of the
conversation benchmark. Percentiles are over all turns of all sessions together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Played
from benchmarks.measures import percentile
from benchmarks.recording import Recording, turns_of
from benchmarks.segments import Segment, timings
from tests.llm_server import Exchange
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

MEANINGS = {
    "waiting_v2t_p50_ms": "speech end to first token at the client, asked when the turn is certain",
    "v2t_p50_ms": "the same, asked in a pause already",
    "endpoint_p50_ms": "speech end to the end of the turn",
    "calls_per_turn": "requests to the model for each answered turn",
    "ahead_percent": "answers that were begun ahead of their turn",
    "wasted_requests": "requests to the model that were given up because the speaker went on",
    "gateway_overhead_p50_ms": "first token, beyond end silence, decode and the model's own time",
    "barge_in_stop_p50_ms": "interrupting words recognised to the request's end at the model endpoint",
    "barge_in_onset_p50_ms": "the first interrupting word's beginning to `reply_done` at the client",
    "barge_in_late_pieces": "pieces of a reply after its interruption (must be 0)",
    "interruptions": "replies that were interrupted",
    "first_audio_p50_ms": "speech end to the reply's first audio leaving the server",
}


@dataclass(frozen=True)
class Round:
    """Sessions played to one server, and the requests that it made of its model meanwhile."""

    played: Sequence[Played]
    exchanges: Sequence[Exchange]

    @property
    def requests(self) -> list[Exchange]:
        """Those for replies."""
        return [exchange for exchange in self.exchanges if not is_prewarm(exchange)]

    def model_ms(self, segment: Segment) -> float | None:
        """What the model endpoint took for the turn's first token, from having read the request on; None for
        a turn without a reply. It is timed at the endpoint, because on a busy machine that is itself later
        than it was told to be, by a few ms."""
        times = [
            (exchange.first_token_s, exchange.received_s)
            for exchange in self.requests
            if exchange.first_token_s is not None and _led_to(exchange, segment)
        ]
        if not times:
            return None
        first_token_s, received_s = max(times)
        return 1000 * (first_token_s - received_s)


def _led_to(exchange: Exchange, segment: Segment) -> bool:
    """Whether this may be the request that the turn's reply came from: of those, it is the last one."""
    final, shown_s, written_s = segment.turn.final, segment.turn.first_token_at_s, exchange.first_token_s
    if final is None or shown_s is None or written_s is None or written_s > shown_s:
        return False
    *_, last = exchange.body["messages"]
    return bool(last["content"] == final.text)


def is_prewarm(exchange: Exchange) -> bool:
    """Whether it asks for one token only, which no reply does."""
    return 1 in (exchange.body.get("max_tokens"), exchange.body.get("max_completion_tokens"))


def round_figures(round_: Round) -> dict[str, float]:
    """What people waited for, and what that cost."""
    measured = [
        timings(segment, round_.model_ms(segment)) for one in round_.played for segment in one.compared[0]
    ]
    answered = [
        report for one in round_.played for report in _reports(one.recording) if report.first_token_ms
    ]
    return {
        **_spread("v2t", [turn.first_token for turn in measured]),
        **_spread("endpoint", [turn.endpoint for turn in measured]),
        **_spread("gateway_overhead", [turn.overhead for turn in measured]),
        "turns": len(answered),
        "calls_per_turn": len(round_.requests) / len(answered) if answered else float("nan"),
        "ahead_percent": 100 * sum(report.speculative for report in answered) / max(1, len(answered)),
        "wasted_requests": sum(exchange.disconnected for exchange in round_.requests),
    }


def barge_in_figures(played: Sequence[Played], exchanges: Sequence[Exchange]) -> dict[str, float]:
    """How fast replies stopped for who spoke over them, at the client and at the model."""
    stops = [stop for one in played for stop in interruptions(one)]
    left = sorted(exchange.disconnected_s for exchange in exchanges if exchange.disconnected_s is not None)
    stopped = [_first_after(stop.recognised_s, left) for stop in stops]
    return {
        "interruptions": len(stops),
        **_spread("barge_in_onset", [1000 * (stop.told_s - stop.spoken_s) for stop in stops]),
        **_spread("barge_in_stop", stopped),
        "barge_in_late_pieces": sum(stop.late_pieces for stop in stops),
    }


def voice_figures(played: Sequence[Played]) -> dict[str, float]:
    """When spoken replies began, as their server measured it."""
    reports = [report for one in played for report in _reports(one.recording)]
    return _spread("first_audio", [report.first_audio_ms for report in reports])


@dataclass(frozen=True)
class Interruption:
    """A reply that was interrupted: when the speaker began, when the client was shown the words, and when it
    was told that the reply is over, in monotonic seconds; pieces of it that came later all the same."""

    spoken_s: float
    recognised_s: float
    told_s: float
    late_pieces: int


def interruptions(played: Played) -> list[Interruption]:
    """Those that the client was told of, by the sample's one utterance."""
    recording, found = played.recording, []
    spoken_s = recording.scheduled_s(played.sample.utterances[0].start_ms)
    for place, item in enumerate(recording.received):
        message = item.message
        if isinstance(message, native.ReplyDoneMessage) and message.reason is ReplyReason.INTERRUPTED:
            recognised_s, late = _recognised_s(recording, place), _late(recording, place)
            found.append(Interruption(spoken_s, recognised_s, item.at_s, late))
    return found


def _recognised_s(recording: Recording, done: int) -> float:
    """When the words came that the reply stopped for: those next to its end."""
    words = (native.PartialMessage, native.FinalMessage)
    nearby = [item for item in recording.received[done : done + 3] if isinstance(item.message, words)]
    return nearby[0].at_s if nearby else recording.received[done].at_s


def _late(recording: Recording, done: int) -> int:
    ended = recording.received[done].message
    assert isinstance(ended, native.ReplyDoneMessage)
    after = (item.message for item in recording.received[done:])
    return sum(isinstance(m, native.ReplyDeltaMessage) and m.turn == ended.turn for m in after)


def _reports(recording: Recording) -> list[native.LatencyMessage]:
    return [turn.latency for turn in turns_of(recording) if turn.latency is not None]


def _first_after(from_s: float, times: Sequence[float]) -> float | None:
    """From a moment to the next of the times, in ms; None where none follows within a second."""
    following = [at_s - from_s for at_s in times if -0.05 <= at_s - from_s <= 1.0]
    return 1000 * following[0] if following else None


def _spread(name: str, values: Iterable[float | None]) -> dict[str, float]:
    known = [value for value in values if value is not None]
    return {f"{name}_p{percent}_ms": percentile(known, percent) for percent in (50, 95)}
