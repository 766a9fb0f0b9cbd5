"""`voicegw demo --voice FILE.wav`: records a spoken conversation with a server in a WAV file.

A simulated user plays sample recordings, waits for the end of each answer, and interrupts one of them. Both
sides are recorded in real time: the user on the left channel, the assistant on the right.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console

from clients.assistant_track import AssistantTrack
from clients.audio import FRAME_MS, SAMPLE_BYTES, frames, paced, read_pcm
from clients.client import VoiceClient
from clients.conversation import Conversation
from clients.errors import Incomplete
from clients.local_server import local_server
from clients.playback import ReplyPlayer
from clients.samples import Sample, sample_named
from clients.talk import talk
from clients.terminal import view
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

RATE = 16_000
BARGE_IN_MS = 1_500  # of a reply, before the user interrupts it
PAUSE_MS = 700  # between the end of an answer and the next question
ANSWER_TIMEOUT_MS = 20_000  # then the user continues without an answer
_MARGIN_MS = 150  # around an utterance that is cut out of a recording
_SILENCE = bytes(RATE * FRAME_MS // 1000 * SAMPLE_BYTES)


@dataclass(frozen=True)
class Line:
    """What the user says next, and whether it interrupts the current answer or waits for its end."""

    pcm: bytes
    interrupts: bool = False


class User:
    """Plays the lines of a script, each at its time; `handle` gets every message of the server."""

    def __init__(self, script: Sequence[Line], assistant: AssistantTrack) -> None:
        self.pcm = bytearray()
        self._script = script
        self._assistant = assistant
        self._answered = True
        self._answering = False

    def handle(self, message: native.ServerMessage) -> None:
        """An answer starts or ends; an interrupted one is followed by another."""
        match message:
            case native.ReplyStartedMessage():
                self._answering = True
            case native.ReplyDoneMessage():
                self._answering = False
                self._answered = message.reason is not ReplyReason.INTERRUPTED
            case _:
                pass

    def frames(self) -> Iterator[bytes]:
        """The user's audio in frames of 20 ms, until the end of the last answer."""
        for line in self._script:
            yield from self._wait(line.interrupts)
            self._answered = False
            yield from self._record(frames(line.pcm, RATE))
        yield from self._wait(interrupts=False)

    def _wait(self, interrupts: bool) -> Iterator[bytes]:
        silent_ms = 0
        for _ in range(ANSWER_TIMEOUT_MS // FRAME_MS):
            if interrupts and self._answering and self._assistant.played_ms >= BARGE_IN_MS:
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
    """Questions, one interruption, and a farewell."""
    talk, overlap = sample_named("conversation.wav"), sample_named("overlap.flac")
    return [
        Line(_utterance(talk, "What time is it?")),
        Line(_utterance(talk, "What is seven times eight?")),
        Line(_utterance(talk, "Remind me to call my mother tomorrow morning.")),
        Line(_utterance(overlap, "Wait, I have a question."), interrupts=True),
        Line(_utterance(talk, "Thank you very much.")),
    ]


def _utterance(sample: Sample, text: str) -> bytes:
    said = next(utterance for utterance in sample.utterances if utterance.text == text)
    begin, end = max(0, said.start_ms - _MARGIN_MS), said.end_ms + _MARGIN_MS
    per_ms = RATE // 1000 * SAMPLE_BYTES
    return read_pcm(sample.path, RATE)[begin * per_ms : end * per_ms]


async def record(path: Path, console: Console) -> None:
    """Holds the conversation and writes it to `path`. Raises Incomplete when it differs from the script."""
    conversation = Conversation()
    console.print("starting a server with the bundled model and the espeak voice ...", style="dim")
    async with local_server("--model", "bundled", "--voice-engine", "espeak") as server:
        begin = time.monotonic()
        assistant = AssistantTrack(lambda: time.monotonic() - begin, RATE)
        user, player = User(script(), assistant), ReplyPlayer(assistant)

        def show(message: native.ServerMessage) -> None:
            player.handle(message)
            user.handle(message)
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
    """Two tracks of mono s16le as a stereo WAV file, the shorter one padded with silence."""
    tracks = [np.frombuffer(bytes(track), dtype="<i2") for track in (left, right)]
    length = max(map(len, tracks))
    stereo = np.stack([np.pad(track, (0, length - len(track))) for track in tracks], axis=1)
    soundfile.write(path, stereo, RATE, subtype="PCM_16")


def check(conversation: Conversation) -> None:
    """Raises Incomplete unless every line was recognised, one answer interrupted and the others completed."""
    turns = [turn for turn in conversation.turns.values() if turn.final is not None and turn.final.text]
    reasons = [turn.reason for turn in turns]
    if conversation.errors or len(turns) != len(script()):
        raise Incomplete("not every line of the conversation was recognised")
    if sorted(filter(None, reasons)) != [ReplyReason.COMPLETED] * (len(turns) - 1) + [
        ReplyReason.INTERRUPTED
    ]:
        raise Incomplete("the answers were not completed and interrupted as in the script")
