"""Sources of audio: a sound file, in real time or at once, or the microphone.

A source is an async iterator of (due, frame): 20 ms of mono s16le at the session's rate, and the monotonic
second it was scheduled for. The schedule is open-loop: frame k is due at t0 + 20 ms * k even if earlier
frames were late, so a slow server shows as latency and not as slower speech.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from clients.errors import AudioError

FRAME_MS = 20
FRAME_S = FRAME_MS / 1000
BACKLOG_FRAMES = 250  # 5 s of microphone; more means that the connection is too slow
MICROPHONE_S = 5.0  # without audio for this time, a microphone is muted by the system or unplugged
SAMPLE_BYTES = 2


def read_pcm(path: Path, rate: int) -> bytes:
    """The file as mono s16le at `rate`, whatever its own rate and channel count. Raises AudioError."""
    try:
        samples, file_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(f"{path} cannot be read as audio: {error}") from error
    mono = soxr.resample(samples.mean(axis=1), file_rate, rate)
    return bytes((np.clip(mono, -1.0, 32767 / 32768) * 32768).round().astype("<i2").tobytes())


def frames(pcm: bytes, rate: int) -> Iterator[bytes]:
    """Cut s16le audio into frames of 20 ms; the last may be shorter."""
    size = rate * FRAME_MS // 1000 * SAMPLE_BYTES
    for begin in range(0, len(pcm), size):
        yield pcm[begin : begin + size]


async def paced(
    audio: Iterable[bytes],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[tuple[float, bytes], None]:
    """The frames in real time, the first one now; a late frame does not delay the next ones."""
    begin = clock()
    for number, frame in enumerate(audio):
        due = begin + number * FRAME_S
        await sleep(max(0.0, due - clock()))
        yield due, frame


async def microphone(rate: int, device: str | None = None) -> AsyncGenerator[tuple[float, bytes], None]:
    """The microphone, until the iterator is closed. Raises AudioError.

    device: a part of the device's name, or its number; None for the system's default.
    """
    sounddevice = sounddevice_library()
    loop = asyncio.get_running_loop()
    captured: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(BACKLOG_FRAMES)

    def keep(frame: tuple[float, bytes]) -> None:
        if not captured.full():
            captured.put_nowait(frame)

    def on_audio(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        loop.call_soon_threadsafe(keep, (time.monotonic(), bytes(data)))

    try:
        stream = sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=rate * FRAME_MS // 1000,
            channels=1,
            dtype="int16",
            device=device_named(device),
            callback=on_audio,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"the microphone cannot be opened: {reason_of(error, device)}") from error
    with stream:
        while True:
            try:
                yield await asyncio.wait_for(captured.get(), MICROPHONE_S)
            except TimeoutError:
                raise AudioError(f"the microphone gave no audio for {MICROPHONE_S:g} s") from None


def device_named(name: str | None) -> str | int | None:
    """A device as the library names it: a number, a part of a name, or None for the default."""
    return int(name) if name and name.isdigit() else name


def reason_of(error: Exception, device: str | None) -> str:
    """Why a device cannot be opened, and what helps."""
    reason = str(error)
    if device is None and reason.endswith("device -1"):  # of a default that does not exist
        reason = "this machine has none"
    return f"{reason}; --devices lists the devices"


def sounddevice_library() -> Any:
    """The library for microphones and loudspeakers, which is an extra, and which needs the system's
    PortAudio. Raises AudioError without them."""
    try:
        import sounddevice
    except ImportError as error:
        raise AudioError("audio devices need the `mic` extra: pip install sounddevice") from error
    except OSError as error:  # sounddevice is installed, PortAudio is not
        raise AudioError("audio devices need PortAudio (apt install libportaudio2)") from error
    return sounddevice
