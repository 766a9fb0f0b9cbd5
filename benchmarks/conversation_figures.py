"""The named figures of the conversation benchmark, from recordings of conversations and the requests of their
server. Percentiles are over all turns of all sessions together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Played
from benchmarks.measures import spread
from benchmarks.recording import Recording, turns_of
from benchmarks.segments import Segment, timings
from tests.llm_server import Exchange
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

MEANINGS = {
    "waiting_v2t_p50_ms": "end of speech to first token at the client, requests at the end of the turn only",
    "v2t_p50_ms": "the same, with requests in pauses already",
    "endpoint_p50_ms": "end of speech to the end of the turn",
    "calls_per_turn": "requests to the model for each answered turn",
    "ahead_percent": "answers that were requested before the end of their turn",
    "wasted_requests": "requests to the model that were cancelled because the speaker continued",
    "gateway_overhead_p50_ms": "first token, beyond end silence, decode and the time of the model",
    "barge_in_stop_p50_ms": "from recognised interrupting words to the end of the request at the endpoint",
    "barge_in_onset_p50_ms": "from the start of the first interrupting word to `reply_done` at the client",
    "barge_in_late_pieces": "pieces of a reply after its interruption (must be 0)",
    "interruptions": "replies that were interrupted",
    "first_audio_p50_ms": "end of speech to the first reply audio that the server sends",
}


@dataclass(frozen=True)
class Round:
    """Sessions streamed to one server, and its requests to the model."""

    played: Sequence[Played]
    exchanges: Sequence[Exchange]

    @property
    def requests(self) -> list[Exchange]:
        """Those for replies."""
        return [exchange for exchange in self.exchanges if not is_prewarm(exchange)]

    def model_ms(self, segment: Segment) -> float | None:
        """The time of the model endpoint to the turn's first token, after it has read the request; None for a
        turn without a reply. It is measured at the endpoint, which on a busy machine is a few ms later than
        configured."""
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
    """Whether the turn's reply may come from this request; the last such request is the one."""
    final, shown_s, written_s = segment.turn.final, segment.turn.first_token_at_s, exchange.first_token_s
    if final is None or shown_s is None or written_s is None or written_s > shown_s:
        return False
    *_, last = exchange.body["messages"]
    return bool(last["content"] == final.text)


def is_prewarm(exchange: Exchange) -> bool:
    """Whether it asks for one token only, which no reply does."""
    return 1 in (exchange.body.get("max_tokens"), exchange.body.get("max_completion_tokens"))


def round_figures(round_: Round) -> dict[str, float]:
    """Latencies of answers, and the number of requests."""
    measured = [
        timings(segment, round_.model_ms(segment)) for one in round_.played for segment in one.compared[0]
    ]
    answered = [
        report for one in round_.played for report in _reports(one.recording) if report.first_token_ms
    ]
    return {
        **spread("v2t", [turn.first_token for turn in measured]),
        **spread("endpoint", [turn.endpoint for turn in measured]),
        **spread("gateway_overhead", [turn.overhead for turn in measured]),
        "turns": len(answered),
        "calls_per_turn": len(round_.requests) / len(answered) if answered else float("nan"),
        "ahead_percent": 100 * sum(report.speculative for report in answered) / max(1, len(answered)),
        "wasted_requests": sum(exchange.disconnected for exchange in round_.requests),
    }


def barge_in_figures(played: Sequence[Played], exchanges: Sequence[Exchange]) -> dict[str, float]:
    """The time to stop interrupted replies, at the client and at the model."""
    stops = [stop for one in played for stop in interruptions(one)]
    left = sorted(exchange.disconnected_s for exchange in exchanges if exchange.disconnected_s is not None)
    stopped = [_first_after(stop.recognised_s, left) for stop in stops]
    return {
        "interruptions": len(stops),
        **spread("barge_in_onset", [1000 * (stop.ended_s - stop.spoken_s) for stop in stops]),
        **spread("barge_in_stop", stopped),
        "barge_in_late_pieces": sum(stop.late_pieces for stop in stops),
    }


def voice_figures(played: Sequence[Played]) -> dict[str, float]:
    """The time to the first reply audio, as the server measured it."""
    reports = [report for one in played for report in _reports(one.recording)]
    return spread("first_audio", [report.first_audio_ms for report in reports])


@dataclass(frozen=True)
class Interruption:
    """An interrupted reply: when the speech began, when the client received the words, and when it received
    the end of the reply, in monotonic seconds; pieces of the reply after that."""

    spoken_s: float
    recognised_s: float
    ended_s: float
    late_pieces: int


def interruptions(played: Played) -> list[Interruption]:
    """The interrupted replies, by the sample's one utterance."""
    recording, found = played.recording, []
    spoken_s = recording.scheduled_s(played.sample.utterances[0].start_ms)
    for place, item in enumerate(recording.received):
        message = item.message
        if isinstance(message, native.ReplyDoneMessage) and message.reason is ReplyReason.INTERRUPTED:
            recognised_s, late = _recognised_s(recording, place), _late(recording, place)
            found.append(Interruption(spoken_s, recognised_s, item.at_s, late))
    return found


def _recognised_s(recording: Recording, done: int) -> float:
    """When the interrupting words arrived: those next to the end of the reply."""
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
