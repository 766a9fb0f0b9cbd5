"""Speakers who keep their connections while others lose theirs: they must not notice.

They are held against the objective of `scripts/bench capacity`, but only around that moment: by the words and
finals that were due from a second before it until a second after the last of the others was back.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from benchmarks.arguments import FIXED_END_SILENCE
from benchmarks.capacity.climbing import crowd_of
from benchmarks.capacity.crowd import Run, Timing, run
from benchmarks.capacity.judging import Judged, figures
from benchmarks.measures import percentile
from benchmarks.segments import Segment, emissions, timings
from clients.local_server import LocalServer
from voicegw import config

SPEAKERS = 16
AROUND_S = 1.0
TIMING = Timing(seconds=8.0, warm_up_s=5.0)
MEANINGS = {
    "survivors_words": "of those who were not cut off, said around that moment",
    "survivors_wel_p95_ms": "from the end of such a word until it is shown",
    "survivors_wel_max_ms": "the same, the slowest word",
    "survivors_excess_fl_p95_ms": "their finals around that moment, beyond the end silence",
    "survivors_trouble": "samples lost, errors and refusals of theirs",
}


async def speak_through(server: LocalServer, event: Callable[[], Awaitable[None]]) -> Run:
    """Speakers at a server that has begun with FIXED_END_SILENCE. `event` happens while they speak. Raises
    ClientError."""
    return await run(server, crowd_of(SPEAKERS), TIMING, "none", event)


def figures_of(spoken: Run, from_s: float, to_s: float, serve: Sequence[str] = ()) -> dict[str, float]:
    """How the speakers fared: latencies of what was due from `from_s` to `to_s` (monotonic clock), loss and
    errors of all. serve: the server's flags."""
    end_silence_ms = config.load([FIXED_END_SILENCE, *serve]).session.endpoint.end_silence_ms
    words_ms: list[float] = []
    finals_ms: list[float] = []
    for turn in _turns(spoken):
        words_ms += [1000 * (shown - said) for said, shown, _ in emissions(turn) if from_s <= said <= to_s]
        final_ms = timings(turn, None).final
        if final_ms is not None and from_s <= turn.recording.scheduled_s(turn.words[-1].end_ms) <= to_s:
            finals_ms.append(final_ms - end_silence_ms)
    everything = figures([spoken], end_silence_ms)
    return {
        "survivors_words": len(words_ms),
        "survivors_wel_p95_ms": percentile(words_ms, 95),
        "survivors_wel_max_ms": percentile(words_ms, 100),
        "survivors_excess_fl_p95_ms": percentile(finals_ms, 95),
        "survivors_trouble": sum(everything[name] for name in ("lost_samples", "errors", "refused")),
    }


def _turns(spoken: Run) -> Iterator[Segment]:
    for one in spoken.spoken:
        if one.recording is not None:
            yield from Judged(one, one.recording, spoken.from_s, spoken.to_s).heard[0]
