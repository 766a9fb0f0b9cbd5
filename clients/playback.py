"""Plays reply audio on a loudspeaker, and stops at once when a reply is stopped.

The client reports how much was played. From this the server knows which part of a reply was heard when the
user interrupts it, and how much audio it may send ahead.
"""

import asyncio
import threading
from typing import Any, Protocol, Self

from clients.audio import SAMPLE_BYTES, device_named, reason_of, sounddevice_library
from clients.errors import AudioError
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

REPORT_S = 0.2


class Output(Protocol):
    """Where reply audio is played: mono s16le at the session's rate."""

    def begin(self) -> None:
        """A new reply follows; `played_ms` counts from here."""
        ...

    def play(self, pcm: bytes) -> None:
        """Append audio."""
        ...

    def flush(self) -> None:
        """Discard what was not played."""
        ...

    @property
    def played_ms(self) -> int:
        """How much of the reply has been played."""
        ...


class Reporter(Protocol):
    """The part of a client that reports to the server."""

    async def played(self, audio_ms: int, turn: int | None = None) -> None: ...


class ReplyPlayer:
    """Plays one reply after the other on an output: `receive` gets the audio, `handle` every message."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._turn: int | None = None

    @property
    def replying(self) -> bool:
        """Whether a reply is in progress at the server."""
        return self._turn is not None

    def receive(self, pcm: bytes) -> None:
        """The next audio of the reply."""
        self._output.play(pcm)

    def handle(self, message: native.ServerMessage) -> None:
        """Starts with a reply, and discards its audio when it is stopped."""
        match message:
            case native.ReplyStartedMessage():
                self._turn = message.turn
                self._output.begin()
            case native.ReplyDoneMessage():
                self._turn = None
                if message.reason is not ReplyReason.COMPLETED:
                    self._output.flush()
            case _:
                pass

    async def report(self, client: Reporter) -> None:
        """Reports what was played, five times a second, until it is cancelled."""
        reported = 0
        while True:
            await asyncio.sleep(REPORT_S)
            played_ms = self._output.played_ms
            if self._turn is not None and played_ms not in (0, reported):
                reported = played_ms
                await client.played(played_ms, self._turn)


class RecordedOutput:
    """An output that another one records."""

    def __init__(self, output: Output, record: Output) -> None:
        self._output = output
        self._record = record

    def begin(self) -> None:
        """A new reply follows."""
        self._output.begin()
        self._record.begin()

    def play(self, pcm: bytes) -> None:
        """Append audio."""
        self._output.play(pcm)
        self._record.play(pcm)

    def flush(self) -> None:
        """Discard what was not played."""
        self._output.flush()
        self._record.flush()

    @property
    def played_ms(self) -> int:
        """How much of the reply has been played."""
        return self._output.played_ms


class Loudspeaker:
    """The sound card, open for the duration of the block. Raises AudioError when it cannot be used."""

    def __init__(self, rate: int, device: str | None = None) -> None:
        self._rate = rate
        self._queued = bytearray()
        self._played_bytes = 0
        self._lock = threading.Lock()  # the sound card calls `_fill` in its own thread
        library = sounddevice_library()
        try:
            self._stream: Any = library.RawOutputStream(
                samplerate=rate, channels=1, dtype="int16", device=device_named(device), callback=self._fill
            )
        except (library.PortAudioError, ValueError) as error:
            raise AudioError(f"the loudspeaker cannot be opened: {reason_of(error, device)}") from error

    def __enter__(self) -> Self:
        self._stream.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.__exit__(*error)

    def begin(self) -> None:
        """A new reply follows."""
        with self._lock:
            self._played_bytes = 0

    def play(self, pcm: bytes) -> None:
        """Append audio."""
        with self._lock:
            self._queued += pcm

    def flush(self) -> None:
        """Discard what was not played."""
        with self._lock:
            self._queued.clear()

    @property
    def played_ms(self) -> int:
        """How much of the reply the sound card has played."""
        return self._played_bytes * 1000 // (SAMPLE_BYTES * self._rate)

    def _fill(self, out: Any, _frames: int, _time: Any, _status: Any) -> None:
        with self._lock:
            audio = bytes(self._queued[: len(out)])
            del self._queued[: len(audio)]
            self._played_bytes += len(audio)
        out[:] = audio + bytes(len(out) - len(audio))
