"""A server to be put to the test, with room for crowds, and a neighbour that must not notice any of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.lines import talker
from benchmarks.playing import play_all
from benchmarks.recording import Recording
from clients.local_server import LocalServer, local_server
from clients.samples import Sample, read_samples
from voicegw.dialects import native

STAND_IN = "none"  # the model of a server in which recognition and replies are stood in for
RESUME_WINDOW_MS = 1_000  # short: what is waited for before a server may be called clean
BUSY_MS = "60000"  # a machine that is busy with something else is no reason to refuse anybody here
PATIENT = (
    *("--gateway.admission.max-loop-lag-ms", BUSY_MS),
    *("--pool.crowded-wait-ms", BUSY_MS),
    *("--log-level", "error"),
)
ROOM = (
    *PATIENT,
    *("--gateway.admission.max-sessions", "3000"),
    *("--gateway.admission.accepts-per-s", "10000"),
    *("--gateway.admission.accept-burst", "10000"),
    *("--gateway.resume.window-ms", str(RESUME_WINDOW_MS)),
)

Transcript = tuple[tuple[int, str], ...]


@asynccontextmanager
async def subject(model: str, flags: Sequence[str] = ()) -> AsyncIterator[LocalServer]:
    """A server that is ready: `voicegw serve` with a model, or the stand-in. Raises ClientError."""
    if model == STAND_IN:
        short = ("--resume-window-ms", str(RESUME_WINDOW_MS))
        async with talker("benchmarks.stand_in", "--hears", "fingerprints", *short, *flags) as process:
            yield LocalServer(process.greeting.removeprefix("listening on "), process.process.pid)
    else:
        async with local_server("--model", model, *ROOM, *flags) as server:
            yield server


def transcript(recording: Recording) -> Transcript:
    """What was heard, and from where on. Where a turn ends, in the silence behind it, may depend on when its
    words were known, and so on how busy the machine is."""
    messages = (item.message for item in recording.received)
    return tuple(
        (message.start_ms, message.text) for message in messages if isinstance(message, native.FinalMessage)
    )


def sample_named(file: str) -> Sample:
    """One of the shipped recordings. Raises StopIteration when there is none of that name."""
    return next(sample for sample in read_samples() if sample.file == file)


@dataclass
class Neighbour:
    """Says the same again and again, in real time, from a process of its own.

    expected: what was heard of it when nobody else was there. heard: how often it was heard since.
    different: what was heard otherwise.
    """

    url: str
    sample: Sample
    expected: Transcript = ()
    heard: int = 0
    different: list[Transcript] = field(default_factory=list)

    async def speak_alone(self) -> None:
        """Once, for comparison. Raises ClientError."""
        self.expected = await self._speak()
        assert self.expected, f"nothing was heard of {self.sample.file}"

    async def speak_on(self, until: asyncio.Event) -> None:
        """Once at least, and again, to the end each time. Raises ClientError when it is not served."""
        while not (self.heard and until.is_set()):
            if (found := await self._speak()) != self.expected:
                self.different.append(found)
            self.heard += 1

    async def _speak(self) -> Transcript:
        [played] = await play_all(self.url, [self.sample], streams=1)
        return transcript(played.recording)
