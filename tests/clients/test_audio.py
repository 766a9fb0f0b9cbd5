import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pytest
import soundfile

from clients.audio import BACKLOG_FRAMES, frames, microphone, paced, read_pcm
from clients.errors import AudioError


def write_tone(path: Path, rate: int, channels: int, subtype: str = "PCM_16") -> None:
    """One second of 440 Hz at half scale in the first channel, silence in the others."""
    samples = np.zeros((rate, channels))
    samples[:, 0] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(path, samples, rate, subtype=subtype)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize(("file_rate", "channels"), [(16_000, 1), (44_100, 2), (8000, 3)])
def test_any_file_becomes_mono_at_the_wire_rate(
    tmp_path: Path, rate: int, file_rate: int, channels: int
) -> None:
    write_tone(tmp_path / "tone.wav", file_rate, channels)
    pcm = np.frombuffer(read_pcm(tmp_path / "tone.wav", rate), "<i2")
    assert abs(len(pcm) - rate) <= 1
    spectrum = np.abs(np.fft.rfft(pcm))
    assert spectrum.argmax() == 440
    assert np.abs(pcm[rate // 4 : -rate // 4]).max() == pytest.approx(16384 / channels, rel=0.02)


def test_loud_floats_are_clipped_not_wrapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", np.array([1.5, 1.0, -1.5]), 16_000, subtype="FLOAT")
    assert np.frombuffer(read_pcm(tmp_path / "loud.wav", 16_000), "<i2").tolist() == [32767, 32767, -32768]


@pytest.mark.parametrize("content", [None, b"this is no sound"])
def test_a_file_that_is_none_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(AudioError, match="cannot be read as audio"):
        read_pcm(tmp_path / "x.wav", 16_000)


def test_frames_are_20_ms_and_lose_nothing() -> None:
    pcm = bytes(range(256)) * 5
    cut = list(frames(pcm, 16_000))
    assert [len(frame) for frame in cut] == [640, 640]
    assert b"".join(frames(pcm + b"xy", 8000)) == pcm + b"xy"


class Clock:
    """Time that passes only in `sleep`, which may take longer than it was asked to."""

    def __init__(self, oversleep_s: dict[int, float] | None = None) -> None:
        self.now = 100.0
        self.naps: list[float] = []
        self._oversleep_s = oversleep_s or {}

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self._oversleep_s.get(len(self.naps), 0.0)
        self.naps.append(seconds)


async def schedule(clock: Clock, count: int) -> list[float]:
    source = paced([b"x"] * count, clock=lambda: clock.now, sleep=clock.sleep)
    return [due async for due, _ in source]


async def test_frames_are_scheduled_every_20_ms() -> None:
    assert await schedule(Clock(), 4) == pytest.approx([100.0, 100.02, 100.04, 100.06])


async def test_a_late_frame_does_not_move_the_schedule() -> None:
    clock = Clock(oversleep_s={1: 0.05})
    assert await schedule(clock, 6) == pytest.approx([100.0, 100.02, 100.04, 100.06, 100.08, 100.10])
    assert clock.naps == pytest.approx([0.0, 0.02, 0.0, 0.0, 0.01, 0.02])


class SoundDevice(ModuleType):
    """Stands in for the `sounddevice` module: a microphone that the test speaks into."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.asked: dict[str, Any] = {}
        self.fails = False
        self.is_open = False

    def RawInputStream(self, *, callback: Callable[..., None], **asked: Any) -> Self:  # noqa: N802
        if self.fails:
            raise self.PortAudioError("no such device")
        self.asked, self.hear = asked, callback
        return self

    def __enter__(self) -> Self:
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> SoundDevice:
    stub = SoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", stub)
    return stub


async def test_the_microphone_gives_what_the_device_hears(device: SoundDevice) -> None:
    source = microphone(16_000, "2")
    first = asyncio.ensure_future(anext(source))
    await asyncio.sleep(0)
    device.hear(b"ab", 1, None, None)
    assert (await first)[1] == b"ab"
    assert device.asked == {
        "samplerate": 16_000,
        "blocksize": 320,
        "channels": 1,
        "dtype": "int16",
        "device": 2,
    }
    await source.aclose()
    assert not device.is_open


async def test_a_backlog_is_bounded(device: SoundDevice) -> None:
    source = microphone(16_000)
    first = asyncio.ensure_future(anext(source))
    await asyncio.sleep(0)
    for number in range(BACKLOG_FRAMES + 10):
        device.hear(number.to_bytes(2), 1, None, None)
    heard = [(await first)[1]] + [(await anext(source))[1] for _ in range(BACKLOG_FRAMES - 1)]
    device.hear(b"now", 1, None, None)
    assert (heard[-1], (await anext(source))[1]) == ((BACKLOG_FRAMES - 1).to_bytes(2), b"now")
    await source.aclose()


async def test_a_microphone_that_cannot_be_opened(device: SoundDevice) -> None:
    device.fails = True
    with pytest.raises(AudioError, match="cannot be opened: no such device"):
        await anext(microphone(16_000))


async def test_a_silent_driver_is_given_up(device: SoundDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.audio.MICROPHONE_S", 0.01)
    with pytest.raises(AudioError, match="gave no audio"):
        await anext(microphone(16_000))
    assert not device.is_open


async def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(AudioError, match="`mic` extra"):
        await anext(microphone(16_000))


async def test_without_portaudio_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AudioError, match="libportaudio2"):
        await anext(microphone(16_000))
