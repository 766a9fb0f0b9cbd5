"""`scripts/demo --voice FILE.wav`: a spoken conversation with a server, as one would hear it, in a WAV file.

A user made of sample recordings waits for each answer to end, as people do, and breaks into one of them. Both
sides are recorded at the times they were heard: the user on the left channel, the assistant on the right.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console

from clients.audio import FRAME_MS, SAMPLE_BYTES, frames, paced, read_pcm
from clients.client import VoiceClient
from clients.conversation import Conversation
from clients.errors import Incomplete
from clients.local_server import local_server
from clients.playback import ReplyPlayer
from clients.samples import Sample, read_samples
from clients.talk import talk
from clients.terminal import view
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

RATE = 16_000
BARGE_IN_MS = 1_500  # of a reply that the user listens to before breaking in
PAUSE_MS = 700  # between the end of an answer and the next question
PATIENCE_MS = 20_000  # then the user goes on, answer or not
_MARGIN_MS = 150  # around an utterance that is cut out of a recording
_SILENCE = bytes(RATE * FRAME_MS // 1000 * SAMPLE_BYTES)


@dataclass(frozen=True)
class Line:
    """What the user says next: breaking into the answer that is being given, or when it is over."""

    pcm: bytes
    breaks_in: bool = False


class AssistantTrack:
    """An Output that keeps what it plays at the time it is played; `clock` gives seconds from the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.pcm = bytearray()
        self._clock = clock
        self._stretches: list[tuple[int, int]] = []  # of the current reply, in bytes of the track

    def begin(self) -> None:
        """A new reply follows."""
        self._stretches.clear()

    def play(self, pcm: bytes) -> None:
        """Goes on with this, now or when what is there has been played."""
        begin = max(self._now(), len(self.pcm))
        self.pcm += bytes(begin - len(self.pcm)) + pcm
        self._stretches.append((begin, begin + len(pcm)))

    def flush(self) -> None:
        """Falls silent now."""
        del self.pcm[self._now() :]

    @property
    def played_ms(self) -> int:
        """How much of the reply has been played."""
        now = self._now()
        played = sum(max(0, min(now, end) - begin) for begin, end in self._stretches)
        return played * 1000 // (RATE * SAMPLE_BYTES)

    def _now(self) -> int:
        return int(self._clock() * RATE) * SAMPLE_BYTES


class User:
    """Says the lines of a script, each at its moment; `see` takes every message of the server."""

    def __init__(self, script: Sequence[Line], assistant: AssistantTrack) -> None:
        self.pcm = bytearray()
        self._script = script
        self._assistant = assistant
        self._answered = True
        self._answering = False

    def see(self, message: native.ServerMessage) -> None:
        """An answer begins, or is over; one that was broken into is followed by another."""
        match message:
            case native.ReplyStartedMessage():
                self._answering = True
            case native.ReplyDoneMessage():
                self._answering = False
                self._answered = message.reason is not ReplyReason.INTERRUPTED
            case _:
                pass

    def frames(self) -> Iterator[bytes]:
        """What the microphone hears, 20 ms at a time, until the last answer is over."""
        for line in self._script:
            yield from self._wait(line.breaks_in)
            self._answered = False
            yield from self._record(frames(line.pcm, RATE))
        yield from self._wait(breaks_in=False)

    def _wait(self, breaks_in: bool) -> Iterator[bytes]:
        silent_ms = 0
        for _ in range(PATIENCE_MS // FRAME_MS):
            if breaks_in and self._answering and self._assistant.played_ms >= BARGE_IN_MS:
                return
            silent_ms = silent_ms + FRAME_MS if self._answered else 0
            if silent_ms > PAUSE_MS:
                return
            yield from self._record([_SILENCE])

    def _record(self, audio: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
        for frame in audio:
            self.pcm += frame
            yield frame


def script() -> list[Line]:
    """Questions, one answer that is broken into, and a farewell."""
    samples = {sample.file: sample for sample in read_samples()}
    talk, overlap = samples["conversation.wav"], samples["overlap.flac"]
    return [
        Line(_utterance(talk, "What time is it?")),
        Line(_utterance(talk, "What is seven times eight?")),
        Line(_utterance(talk, "Remind me to call my mother tomorrow morning.")),
        Line(_utterance(overlap, "Wait, I have a question."), breaks_in=True),
        Line(_utterance(talk, "Thank you very much.")),
    ]


def _utterance(sample: Sample, text: str) -> bytes:
    said = next(utterance for utterance in sample.utterances if utterance.text == text)
    begin, end = max(0, said.start_ms - _MARGIN_MS), said.end_ms + _MARGIN_MS
    per_ms = RATE // 1000 * SAMPLE_BYTES
    return read_pcm(sample.path, RATE)[begin * per_ms : end * per_ms]


async def record(path: Path, console: Console) -> None:
    """Has the conversation and writes it to `path`. Raises Incomplete when it did not go as written."""
    conversation = Conversation()
    console.print("starting a server with the bundled model and the espeak voice ...", style="dim")
    async with local_server("--model", "bundled", "--voice-engine", "espeak") as server:
        begin = time.monotonic()
        assistant = AssistantTrack(lambda: time.monotonic() - begin)
        user, player = User(script(), assistant), ReplyPlayer(assistant)

        def show(message: native.ServerMessage) -> None:
            player.see(message)
            user.see(message)
            screen.show(message, conversation.receive(message))

        async with VoiceClient.connect(
            server.url, rate=RATE, reply="audio", on_audio=player.receive
        ) as client:
            with view(console) as screen:
                begin = time.monotonic()
                await talk(client, paced(user.frames()), show)
    write(path, user.pcm, assistant.pcm)
    console.print(f"the conversation is in {path}: the user on the left, the assistant on the right")
    check(conversation)


def write(path: Path, left: bytes | bytearray, right: bytes | bytearray) -> None:
    """Two tracks of mono s16le as a stereo WAV file, the shorter one filled up with silence."""
    tracks = [np.frombuffer(bytes(track), dtype="<i2") for track in (left, right)]
    length = max(map(len, tracks))
    stereo = np.stack([np.pad(track, (0, length - len(track))) for track in tracks], axis=1)
    soundfile.write(path, stereo, RATE, subtype="PCM_16")


def check(conversation: Conversation) -> None:
    """Raises Incomplete unless every line was heard, one answer broken into and the others given in full."""
    turns = [turn for turn in conversation.turns.values() if turn.final is not None and turn.final.text]
    reasons = [turn.reason for turn in turns]
    if conversation.errors or len(turns) != len(script()):
        raise Incomplete("not every line of the conversation was heard")
    if sorted(filter(None, reasons)) != [ReplyReason.COMPLETED] * (len(turns) - 1) + [
        ReplyReason.INTERRUPTED
    ]:
        raise Incomplete("the answers were not given, and broken into, as the script has it")
