"""The server under test, whose limits admit many clients, and a reference client that must be served as
usual."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.child_process import child_process
from benchmarks.playing import play_all
from benchmarks.recording import Recording
from clients.local_server import ADMITTING, LocalServer, local_server
from clients.samples import Sample
from voicegw.dialects import native

NO_MODEL = "none"  # the model of a server whose recognition and replies are scripted
RESUME_WINDOW_MS = 1_000  # short: benchmarks wait for its end before they measure
PATIENT = (*ADMITTING, *("--log-level", "error"))
ROOM = (
    *PATIENT,
    *("--gateway.admission.max-sessions", "3000"),
    *("--gateway.admission.accepts-per-s", "10000"),
    *("--gateway.admission.accept-burst", "10000"),
    *("--gateway.resume.window-ms", str(RESUME_WINDOW_MS)),
)

GROWTH = 0.05
REFERENCE_MEANINGS = {
    "reference_transcripts": "how often the reference client was transcribed meanwhile",
    "reference_differences": "transcripts of it that differ from the one when it was alone",
}

Transcript = tuple[tuple[int, str], ...]
Result = TypeVar("Result")


def add_reference(parser: argparse.ArgumentParser) -> None:
    """`--reference` and `--growth`: what the reference client plays, and what counts as a leak."""
    add = parser.add_argument
    add(
        "--reference",
        default="conversation.wav",
        metavar="FILE",
        help="the sample that the reference client plays (default: %(default)s)",
    )
    add("--growth", type=float, default=GROWTH, help="growth that is no leak, a share (default: %(default)s)")


@asynccontextmanager
async def server_under_test(model: str, flags: Sequence[str] = ()) -> AsyncIterator[LocalServer]:
    """A server that is ready: `voicegw serve`, or the scripted gateway for NO_MODEL. Raises ClientError."""
    if model == NO_MODEL:
        short = ("--resume-window-ms", str(RESUME_WINDOW_MS))
        async with child_process(
            "benchmarks.scripted_gateway", "--words", "hashes", *short, *flags
        ) as process:
            yield LocalServer(process.first_line.removeprefix("listening on "), process.process.pid)
    else:
        async with local_server("--model", model, *ROOM, *flags) as server:
            yield server


def transcript(recording: Recording) -> Transcript:
    """The text and the start of each final. Their ends are left out: where a turn ends in the silence after
    it depends on when its words were recognised, and so on the load of the machine."""
    messages = (item.message for item in recording.received)
    return tuple(
        (message.start_ms, message.text) for message in messages if isinstance(message, native.FinalMessage)
    )


@dataclass
class ReferenceClient:
    """Plays the same sample again and again in real time, in a process of its own.

    expected: the transcript when no other client was there. heard: how often the sample was transcribed
    since. different: the transcripts that were not the expected one.
    """

    url: str
    sample: Sample
    expected: Transcript = ()
    heard: int = 0
    different: list[Transcript] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, float]:
        """As they are reported."""
        return {"reference_transcripts": self.heard, "reference_differences": len(self.different)}

    @property
    def problems(self) -> list[str]:
        """One line for each transcript that was not the expected one."""
        return [f"the reference client was transcribed as {found}" for found in self.different]

    async def speak_alone(self) -> None:
        """Once, for comparison. Raises ClientError."""
        self.expected = await self._speak()
        assert self.expected, f"no words were recognised in {self.sample.file}"

    async def speak_during(self, work: Callable[[], Result]) -> Result:
        """Plays the sample once at least, and again until `work`, in a thread, is done; returns its result.
        Raises ClientError when the client is not served, and what `work` raises."""
        over = asyncio.Event()
        speaking = asyncio.create_task(self._speak_until(over))
        try:
            return await asyncio.to_thread(work)
        finally:
            over.set()
            await speaking

    async def _speak_until(self, over: asyncio.Event) -> None:
        while not (self.heard and over.is_set()):
            if (found := await self._speak()) != self.expected:
                self.different.append(found)
            self.heard += 1

    async def _speak(self) -> Transcript:
        [played] = await play_all(self.url, [self.sample], streams=1)
        return transcript(played.recording)
