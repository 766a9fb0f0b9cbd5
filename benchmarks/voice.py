"""`scripts/bench voice`: how soon the voice on this machine is heard, by the number of calls at once.

Every call speaks the sentences one after the other, as a reply does: the next one is requested as soon as the
audio of the last one begins to play. The engine and its options are those of `voicegw serve`.

  first audio  from the request of a sentence to its first audio, in ms
  gaps         sentences whose audio came after the one before it was played, in percent, and the longest such
               gap, in ms
  failed       sentences that took longer than the server waits, in percent
  made         seconds of audio made in a second
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from benchmarks.command import add_json, add_serve, counts, exits_on_errors, new_parser
from benchmarks.measures import percentile
from benchmarks.report import Rows, report_rows
from clients.audio import SAMPLE_BYTES
from voicegw import config
from voicegw.assistant import make_voice
from voicegw.core.speech_output import Voice
from voicegw.errors import StartupError, VoiceFailed

RATE = 8_000  # of telephone calls
SENTENCES = (
    "Of course.",
    "Your appointment is on Tuesday at half past nine.",
    "Would you like to keep it, or shall I look for another day?",
    "The weather tomorrow will be mostly sunny, with light winds from the west.",
)
COLUMNS = {
    "first audio p50 / p95 ms": ("first_audio_p50_ms", "first_audio_p95_ms"),
    "gaps %": ("gaps_percent",),
    "longest gap ms": ("longest_gap_ms",),
    "failed %": ("failed_percent",),
    "made s/s": ("made_s_per_s",),
}


@dataclass
class Spoken:
    """What the calls heard. gaps_s: of every sentence but the first, how long after the end of the one before
    it was heard; 0 without a gap. failed: sentences."""

    failed: int = 0
    first_audio_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    audio_s: float = 0.0


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; its exit status."""
    parser = new_parser("voice", __doc__, add_json, add_serve, numbers={"--replies": (3, "of each call")})
    parser.add_argument(
        "--calls", type=counts, default="1,2,4", metavar="N,..", help="at once (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    rows, name = asyncio.run(_measure(options))
    about = {"engine": name, "replies": options.replies, "serve": " ".join(options.serve)}
    report_rows("voice", about, rows, COLUMNS, ("calls",), options.json)
    return 0


async def _measure(options: argparse.Namespace) -> tuple[Rows, str]:
    """The figures by the number of calls, and the name of the engine. Raises StartupError."""
    voice = make_voice(config.load(options.serve).voice)
    if voice is None:
        raise StartupError("no voice is installed; install the extra `voice`, or espeak-ng")
    try:
        return {(str(calls),): await figures_of(voice, calls, options.replies) for calls in options.calls}, (
            voice.name
        )
    finally:
        await voice.close()


async def figures_of(voice: Voice, calls: int, replies: int) -> dict[str, float]:
    """The figures of so many calls at once."""
    spoken, begun = Spoken(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(_call(voice, replies, spoken))
    first_ms = [1000 * seconds for seconds in spoken.first_audio_s]
    return {
        "first_audio_p50_ms": percentile(first_ms, 50),
        "first_audio_p95_ms": percentile(first_ms, 95),
        "gaps_percent": 100 * sum(gap > 0 for gap in spoken.gaps_s) / max(1, len(spoken.gaps_s)),
        "longest_gap_ms": 1000 * max(spoken.gaps_s, default=float("nan")),
        "failed_percent": 100 * spoken.failed / (calls * replies * len(SENTENCES)),
        "made_s_per_s": spoken.audio_s / (time.monotonic() - begun),
    }


async def _call(voice: Voice, replies: int, spoken: Spoken) -> None:
    for _ in range(replies):
        heard_until: float | None = None  # when the audio so far ends
        for sentence in SENTENCES:
            try:
                heard_until = await _sentence(voice, sentence, heard_until, spoken)
            except VoiceFailed:
                spoken.failed += 1
        await asyncio.sleep(max(0.0, (heard_until or 0.0) - time.monotonic()))


async def _sentence(voice: Voice, text: str, heard_until: float | None, spoken: Spoken) -> float:
    """Speaks a sentence; returns when its audio ends, and does so as soon as the audio begins to play and is
    complete."""
    asked, begins, length_s = time.monotonic(), 0.0, 0.0
    async with aclosing(voice.speak(text, RATE, "en")) as pieces:
        async for piece in pieces:
            if not length_s:
                now = time.monotonic()
                spoken.first_audio_s.append(now - asked)
                begins = now if heard_until is None else max(now, heard_until)
                if heard_until is not None:
                    spoken.gaps_s.append(max(0.0, now - heard_until))
            length_s += len(piece) / SAMPLE_BYTES / RATE
    spoken.audio_s += length_s
    await asyncio.sleep(max(0.0, begins - time.monotonic()))
    return begins + length_s
