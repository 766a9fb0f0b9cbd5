"""Whole sessions during a fault, and their outcome, by samples and by words.

Clients play recordings in real time, as `clients.client` does: cut off, they reconnect and resume. What each
recording gives when nothing fails is known from undisturbed sessions before; as these may differ among
themselves in a word, the nearest of them counts.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

from benchmarks.measures import WordErrors, word_errors
from benchmarks.recording import Received, RecordedTurn, Recording, lost_samples, turns_of
from clients.audio import SAMPLE_BYTES, frames, paced, read_pcm
from clients.client import VoiceClient
from clients.conversation import normalised
from clients.errors import ClientError, Refused, ServerFailed
from clients.samples import Sample
from clients.talk import talk
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

LIMIT_S = 90.0  # beyond the duration of the recording
ATTEMPTS = 100  # to open a session
UNDISTURBED = 3  # sessions of each recording


@dataclass
class Played:
    """A session: the recording, and the messages received. `failed`: it did not finish."""

    sample: Sample
    received: list[Received] = field(default_factory=list)
    begin_s: float = 0.0
    sent_samples: int = 0
    failed: bool = False

    @property
    def recording(self) -> Recording:
        return Recording(
            self.sample.file, self.begin_s, self.sent_samples, SAMPLE_RATE, 0.0, tuple(self.received)
        )

    @property
    def words(self) -> list[str]:
        """The words of all finals."""
        finals = (turn.final.text for turn in turns_of(self.recording) if turn.final is not None)
        return normalised(" ".join(finals))

    @property
    def is_new_session(self) -> bool:
        """Whether the server reported that the session could not be resumed."""
        ready_events = [
            each.message for each in self.received if isinstance(each.message, native.ReadyMessage)
        ]
        return any(not ready.resumed for ready in ready_events)

    def recovery_s(self, since: float) -> float | None:
        """From a fault to the next words, if the session was in the middle of a turn."""
        if not any(_is_open(turn, since) for turn in turns_of(self.recording)):
            return None
        words = [
            each.at_s for each in self.received if isinstance(each.message, _WORDS) and each.at_s > since
        ]
        return min(words, default=since + LIMIT_S) - since


_WORDS = (native.PartialMessage, native.FinalMessage)


def _is_open(turn: RecordedTurn, at_s: float) -> bool:
    begun = turn.updates and turn.updates[0].at_s <= at_s
    return bool(begun) and (turn.final_at_s is None or turn.final_at_s > at_s)


@dataclass
class SessionOutcome:
    """The sessions of a run, and the words of sessions without a fault, by file."""

    expected: Mapping[str, Sequence[list[str]]]
    played: list[Played] = field(default_factory=list)

    def recovery_s(self, since: float) -> list[float]:
        """For each session that was in the middle of a turn, the time to its next words."""
        return [each for played in self.played if (each := played.recovery_s(since)) is not None]

    def counts(self) -> dict[str, int]:
        """What was lost and doubled; words that are recognised differently are `changed`."""
        recovered = [each for each in self.played if not each.failed and not each.is_new_session]
        errors = [self._errors(played) for played in recovered]
        missing = [lost_samples(played.recording) for played in recovered]
        return {
            "sessions": len(self.played),
            "failed_sessions": sum(each.failed for each in self.played),
            "unresumed_sessions": sum(each.is_new_session for each in self.played),
            "lost_samples": sum(max(0, samples) for samples in missing),
            "doubled_samples": sum(max(0, -samples) for samples in missing),
            "lost_words": sum(each.deletions for each in errors),
            "doubled_words": sum(each.insertions for each in errors),
            "changed_words": sum(each.substitutions for each in errors),
        }

    def _errors(self, played: Played) -> WordErrors:
        against = [word_errors(expected, played.words) for expected in self.expected[played.sample.file]]
        return min(against, key=lambda found: found.deletions + found.insertions + found.substitutions)


class SessionLoad:
    """Speakers that each stream one recording in a run. urls: of the gateways, which they try in rotation."""

    def __init__(self, urls: Sequence[str], samples: Sequence[Sample], speakers: int) -> None:
        self._urls = list(urls)
        self._samples = samples
        self._speakers = speakers
        self._expected: dict[str, list[list[str]]] = {}

    async def learn(self) -> None:
        """Stream each recording without a fault, for comparison."""
        for sample in self._samples:
            undisturbed = [Played(sample) for _ in range(UNDISTURBED)]
            await asyncio.gather(*[self._play(each, n) for n, each in enumerate(undisturbed)])
            if any(each.failed for each in undisturbed):
                raise ClientError(f"{sample.file} cannot be played even when nothing fails")
            self._expected[sample.file] = [each.words for each in undisturbed]

    def moment_s(self, random: Random) -> float:
        """The time from the start of the work to the fault: within the shortest recording."""
        return random.uniform(0.5, min(sample.duration_ms for sample in self._samples) / 1000)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SessionOutcome]:
        """Streams the recordings; the block is left when all are finished."""
        outcome = SessionOutcome(self._expected)
        outcome.played = [Played(self._samples[n % len(self._samples)]) for n in range(self._speakers)]
        sessions = [
            asyncio.create_task(self._play(each, n), name="session") for n, each in enumerate(outcome.played)
        ]
        try:
            yield outcome
            await asyncio.gather(*sessions)
        finally:
            for session in sessions:
                session.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)

    async def _play(self, played: Played, number: int) -> None:
        pcm = read_pcm(played.sample.path, SAMPLE_RATE)
        played.sent_samples = len(pcm) // SAMPLE_BYTES
        try:
            async with asyncio.timeout(played.sample.duration_ms / 1000 + LIMIT_S), AsyncExitStack() as stack:
                client = await self._enter(stack, number % len(self._urls))
                played.begin_s = time.monotonic()
                await talk(client, paced(frames(pcm, SAMPLE_RATE)), lambda m: _note(played, m))
        except (ClientError, TimeoutError):
            played.failed = True

    async def _enter(self, stack: AsyncExitStack, first: int) -> VoiceClient:
        """A session. While the installation recovers from the previous fault, it refuses new clients."""
        urls = ",".join(self._urls[first:] + self._urls[:first])
        for _ in range(ATTEMPTS):
            with suppress(Refused):
                opened = VoiceClient.connect(urls, rate=SAMPLE_RATE, reply="none")
                return await stack.enter_async_context(opened)
            await asyncio.sleep(LIMIT_S / 2 / ATTEMPTS)
        raise ServerFailed("every attempt to open a session was refused")


def _note(played: Played, message: native.ServerMessage) -> None:
    played.received.append(Received(time.monotonic(), message))
