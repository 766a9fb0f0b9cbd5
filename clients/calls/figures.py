"""The figures of a call, from what the caller said and heard.

A reply is what was played without the caller speaking and without a clear in between. What the server does
with the caller's speech is not visible at a carrier; only audio is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from clients.calls.call import CallRecord
from clients.calls.caller import Said
from clients.calls.playout import Span

MEANINGS = {
    "turns": "lines of the caller that were answered",
    "greeting_ms": "from the start of the call to the first audio of the greeting, if there is one",
    "first_audio_ms": "from the end of the first line to the first audio of its reply",
    "second_audio_ms": "the same for the line that interrupts",
    "stop_ms": "from the start of the interrupting speech to the last audio of the interrupted reply",
    "clear_ms": "from the start of the interrupting speech to the command to drop audio",
    "dropped_ms": "audio that was dropped then",
    "longest_gap_ms": "longest time without audio within a reply",
    "overlap_ms": "audio of the interrupted reply that was played after it had been silent",
    "lead_ms": "longest time by which the carrier had audio ahead",
    "late_ms": "worst lateness of a packet at the simulator itself",
}
SILENT_MS = 40.0  # without audio; a shorter gap, such as of one late packet, is none to a listener


@dataclass(frozen=True)
class Reply:
    """What was played as one reply."""

    spans: tuple[Span, ...]

    @property
    def begin_ms(self) -> float:
        """When its first audio was played."""
        return self.spans[0].begin_ms

    @property
    def end_ms(self) -> float:
        """When its last audio was played."""
        return self.spans[-1].end_ms

    @property
    def longest_gap_ms(self) -> float:
        """The longest time without audio in it."""
        return max((later.begin_ms - one.end_ms for one, later in pairwise(self.spans)), default=0.0)


def replies_of(record: CallRecord) -> list[Reply]:
    """The replies, with the greeting if there was one."""
    grouped: list[list[Span]] = []
    for span in record.playout.spans():
        if grouped and not _is_other_reply(record, grouped[-1][-1], span):
            grouped[-1].append(span)
        else:
            grouped.append([span])
    return [Reply(tuple(spans)) for spans in grouped]


def _is_other_reply(record: CallRecord, before: Span, span: Span) -> bool:
    """Whether the caller finished a line between these two."""
    return any(before.begin_ms < said.end_ms <= span.begin_ms for said in record.said)


def figures_of(record: CallRecord) -> dict[str, float]:
    """The figures; nan for what did not happen."""
    replies = replies_of(record)
    answers = [answer_to(said, replies) for said in record.said]
    interruptions = [said for said in record.said if said.interrupts]
    nan = float("nan")
    found = {
        "turns": float(sum(answer is not None for answer in answers)),
        "longest_gap_ms": max((reply.longest_gap_ms for reply in replies), default=nan),
        "lead_ms": record.playout.lead_ms,
        "late_ms": record.late_ms,
    }
    greeting = replies[0] if replies and record.said and replies[0].end_ms < record.said[0].begin_ms else None
    if greeting is not None:
        found["greeting_ms"] = greeting.begin_ms
    for name, said, answer in zip(("first", "second"), record.said, answers, strict=False):
        found[f"{name}_audio_ms"] = nan if answer is None else answer.begin_ms - said.end_ms
    for said in interruptions[:1]:
        found |= _interruption(record, said, replies)
    return {name: round(found[name], 1) for name in MEANINGS if name in found}


def answer_to(said: Said, replies: Sequence[Reply]) -> Reply | None:
    """The first reply that begins after the line."""
    return next((reply for reply in replies if reply.begin_ms >= said.end_ms), None)


def _interruption(record: CallRecord, said: Said, replies: Sequence[Reply]) -> dict[str, float]:
    nan = float("nan")
    interrupted = [reply for reply in replies if reply.begin_ms < said.begin_ms < reply.end_ms]
    if not interrupted:
        return {"stop_ms": nan, "clear_ms": nan, "dropped_ms": nan, "overlap_ms": nan}
    heard = [span for span in interrupted[0].spans if span.end_ms > said.begin_ms]
    playout = record.playout
    clears = [
        (at_ms, dropped_ms)
        for at_ms, dropped_ms in zip(playout.clears_ms, playout.dropped_ms, strict=True)
        if at_ms >= said.begin_ms
    ]
    clear_ms, dropped_ms = clears[0] if clears else (nan, nan)
    silent = (later.begin_ms - one.end_ms > SILENT_MS for one, later in pairwise(heard))
    again = next((number for number, is_silent in enumerate(silent, 1) if is_silent), len(heard))
    found = {
        "stop_ms": heard[-1].end_ms - said.begin_ms,
        "overlap_ms": sum(span.end_ms - span.begin_ms for span in heard[again:]),
    }
    return found | ({"clear_ms": clear_ms - said.begin_ms, "dropped_ms": dropped_ms} if record.drops else {})
