"""The figures of the Realtime benchmark, pure: from the events of sessions.

A delta, a transcript and a response are compared with the native protocol's stable words, final and reply of
the same turn of the same audio, by when they came after the first frame.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.measures import spread
from benchmarks.realtime.events import Session
from benchmarks.recording import RecordedTurn, Recording, turns_of

WAIT_S = 0.25  # after a commit, in which the whole transcript is wanted
READY_S = 0.02  # in which it comes when nothing is decoded any more
TRANSCRIBED = "conversation.item.input_audio_transcription"
MEANINGS = {
    "commits": "sessions without turn detection: a commit follows the last frame",
    "commit_complete_percent": "of them, those with the whole transcript 250 ms after the commit",
    "commit_ready_percent": "of them, those with it 20 ms after: nothing was left to decode",
    "commit_final_p50_ms": "from the commit to the whole transcript",
    "commit_wer_percent": "word errors of these transcripts",
    "turns_compared": "turns that a Realtime and a native session of the same audio have",
    "first_delta_later_p50_ms": "first delta, after the native protocol's first stable words",
    "completed_later_p50_ms": "transcript, after the native final",
    "response_later_p50_ms": "first delta of the response, after the native reply's first token",
    "items": "transcripts of all sessions",
    "changed_items": "of them, those that differ from their deltas together (contract: 0)",
    "errors": "error events",
    "client_late_max_ms": "worst lateness of a frame at the client itself",
}


@dataclass(frozen=True)
class Item:
    """A transcript with its deltas and their arrivals. response_s: when the first text of the response after
    it came; None without one."""

    deltas: tuple[tuple[float, str], ...]
    transcript: str
    completed_s: float
    response_s: float | None = None

    @property
    def is_changed(self) -> bool:
        """Whether the deltas together are another text."""
        return "".join(text for _, text in self.deltas) != self.transcript

    def complete_by(self, at_s: float) -> bool:
        """Whether all of the transcript was there at this time."""
        if self.completed_s <= at_s:
            return True
        there = "".join(text for arrived_s, text in self.deltas if arrived_s <= at_s)
        return bool(there) and there == self.transcript


def items_of(session: Session) -> list[Item]:
    """The completed items, in the order in which they were completed."""
    deltas: dict[str, list[tuple[float, str]]] = {}
    items: list[Item] = []
    for event in session.events:
        if event.kind == f"{TRANSCRIBED}.delta":
            deltas.setdefault(event.item, []).append((event.at_s, event.text))
        elif event.kind == f"{TRANSCRIBED}.completed":
            items.append(Item(tuple(deltas.get(event.item, ())), event.text, event.at_s))
        elif event.kind == "response.output_text.delta" and items and items[-1].response_s is None:
            last = items[-1]
            items[-1] = Item(last.deltas, last.transcript, last.completed_s, event.at_s)
    return items


def common_figures(sessions: Sequence[Session]) -> dict[str, float]:
    """Of all sessions."""
    items = [item for session in sessions for item in items_of(session)]
    return {
        "items": len(items),
        "changed_items": sum(item.is_changed for item in items),
        "errors": sum(event.kind == "error" for session in sessions for event in session.events),
        "client_late_max_ms": 1000 * max(session.latest_send_s for session in sessions),
    }


def commit_figures(sessions: Sequence[Session]) -> dict[str, float]:
    """Of sessions whose turn a commit ended."""
    ended = [
        (items[-1], session.committed_s)
        for session in sessions
        if session.committed_s is not None and (items := items_of(session))
    ]
    waits = [1000 * (item.completed_s - committed_s) for item, committed_s in ended]
    return {
        "commits": len(ended),
        "commit_complete_percent": _percent(item.complete_by(at_s + WAIT_S) for item, at_s in ended),
        "commit_ready_percent": _percent(item.complete_by(at_s + READY_S) for item, at_s in ended),
        **spread("commit_final", waits),
    }


def _percent(values: Iterable[bool]) -> float:
    found = list(values)
    return 100 * sum(found) / len(found) if found else float("nan")


def comparison_figures(pairs: Sequence[tuple[Session, Recording]]) -> dict[str, float]:
    """Of Realtime and native sessions of the same audio, for those that have as many turns."""
    turns = [
        (session.begin_s, item, recording.begin_s, turn)
        for session, recording in pairs
        for item, turn in _same_turns(items_of(session), turns_of(recording))
    ]
    later: dict[str, list[float]] = {"first_delta": [], "completed": [], "response": []}
    for began_s, item, native_began_s, turn in turns:
        stable_s = next((update.at_s for update in turn.updates if update.stable), None)
        delta_s = item.deltas[0][0] if item.deltas else None
        steps = (
            (delta_s, stable_s),
            (item.completed_s, turn.final_at_s),
            (item.response_s, turn.first_token_at_s),
        )
        for values, (here_s, there_s) in zip(later.values(), steps, strict=True):
            if here_s is not None and there_s is not None:
                values.append(1000 * ((here_s - began_s) - (there_s - native_began_s)))
    figures: dict[str, float] = {"turns_compared": len(turns)}
    for name, values in later.items():
        figures |= spread(f"{name}_later", values)
    return figures


def _same_turns(items: Sequence[Item], turns: Sequence[RecordedTurn]) -> list[tuple[Item, RecordedTurn]]:
    finished = [turn for turn in turns if turn.final is not None]
    return list(zip(items, finished, strict=True)) if len(items) == len(finished) else []
