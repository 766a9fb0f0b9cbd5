"""Hearing the replies: audio from the server to a loudspeaker, silenced at once when a reply is stopped.

What the loudspeaker has played is reported to the server, which then knows what of a reply was heard when the
user speaks over it, and how much it may send ahead.
"""

import asyncio
import threading
from typing import Any, Protocol, Self

from clients.audio import SAMPLE_BYTES, sounddevice_library
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
        """Goes on with this, as soon as what is there has been played."""
        ...

    def flush(self) -> None:
        """Falls silent now."""
        ...

    @property
    def played_ms(self) -> int:
        """How much of the reply has been played."""
        ...


class Reporter(Protocol):
    """What of a client is needed to report to the server."""

    async def played(self, audio_ms: int, turn: int | None = None) -> None: ...


class ReplyPlayer:
    """Plays one reply after the other on an output: `receive` takes the audio, `see` every message."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._turn: int | None = None

    def receive(self, pcm: bytes) -> None:
        """The next audio of the reply."""
        self._output.play(pcm)

    def see(self, message: native.ServerMessage) -> None:
        """A reply begins, or is stopped and must not be heard any longer."""
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
        """Tells the server what has been played, five times a second, until it is cancelled."""
        reported = 0
        while True:
            await asyncio.sleep(REPORT_S)
            played_ms = self._output.played_ms
            if self._turn is not None and played_ms not in (0, reported):
                reported = played_ms
                await client.played(played_ms, self._turn)


class Loudspeaker:
    """The sound card, for as long as the block lasts. Raises AudioError when it cannot be used."""

    def __init__(self, rate: int, device: str | None = None) -> None:
        self._rate = rate
        self._waiting = bytearray()
        self._played_bytes = 0
        self._lock = threading.Lock()  # the sound card asks for audio from a thread of its own
        library = sounddevice_library()
        try:
            self._stream: Any = library.RawOutputStream(
                samplerate=rate, channels=1, dtype="int16", device=device, callback=self._fill
            )
        except (library.PortAudioError, ValueError) as error:
            raise AudioError(f"the loudspeaker cannot be opened: {error}") from error

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
        """Goes on with this."""
        with self._lock:
            self._waiting += pcm

    def flush(self) -> None:
        """Falls silent now."""
        with self._lock:
            self._waiting.clear()

    @property
    def played_ms(self) -> int:
        """How much of the reply the sound card has taken."""
        return self._played_bytes * 1000 // (SAMPLE_BYTES * self._rate)

    def _fill(self, out: Any, _frames: int, _time: Any, _status: Any) -> None:
        with self._lock:
            taken = bytes(self._waiting[: len(out)])
            del self._waiting[: len(taken)]
            self._played_bytes += len(taken)
        out[:] = taken + bytes(len(out) - len(taken))
