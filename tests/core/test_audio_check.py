"""What clients send by mistake, made of clean recordings, against what they declare."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.core.recordings import speech
from voicegw.core.audio import AudioFormat, encode
from voicegw.core.audio_check import AudioCheck, EncodingCheck, SampleRateCheck

Samples = NDArray[np.int16]
PCM, MULAW, ALAW = AudioFormat


def notices(declared: AudioFormat, data: bytes) -> list[str]:
    """The encodings that are reported for data in messages of 20 ms."""
    check = EncodingCheck(declared)
    told = (check.receive(data[begin : begin + 640]) for begin in range(0, len(data), 640))
    return [guess for guess in told if guess is not None]


@pytest.mark.parametrize("declared", AudioFormat)
def test_the_declared_encoding_is_not_reported(declared: AudioFormat) -> None:
    assert notices(declared, encode(speech(8_000).tobytes(), declared)) == []


def test_floating_point() -> None:
    data = (speech() / np.float32(32768)).astype("<f4").tobytes()
    assert notices(PCM, data) == ["32-bit floating point"]


def test_two_channels_of_one_voice() -> None:
    assert notices(PCM, np.repeat(speech(), 2).tobytes()) == ["two channels"]


def test_two_channels_of_which_one_is_silent() -> None:
    assert notices(PCM, np.stack([speech(), 0 * speech()], axis=1).tobytes()) == ["two channels"]


def test_the_other_byte_order() -> None:
    assert notices(PCM, speech().byteswap().tobytes()) == ["pcm_s16be"]


@pytest.mark.parametrize(
    ("declared", "sent"), [(PCM, MULAW), (PCM, ALAW), (MULAW, PCM), (ALAW, PCM), (MULAW, ALAW), (ALAW, MULAW)]
)
def test_another_format(declared: AudioFormat, sent: AudioFormat) -> None:
    assert notices(declared, encode(speech(8_000).tobytes(), sent)) == [sent.value]


@pytest.mark.parametrize("declared", AudioFormat)
@pytest.mark.parametrize("amplitude", [0, 5, 1000, 10_000])
def test_noise_and_silence_show_no_encoding(declared: AudioFormat, amplitude: int) -> None:
    hiss = np.random.default_rng(0).normal(0, amplitude, 200_000).clip(-32768, 32767).astype("<i2")
    assert notices(declared, encode(hiss.tobytes(), declared)) == []


@pytest.mark.parametrize("sent", ["pcm_s16be", *AudioFormat])
@pytest.mark.parametrize("declared", AudioFormat)
def test_silence_before_it_does_not_count(declared: AudioFormat, sent: str) -> None:
    """Two minutes of it, with the soft noise of a microphone."""
    soft = np.random.default_rng(0).normal(0, 3, 120 * 8_000).astype("<i2")
    whole = np.concatenate([soft, speech(8_000)]).astype("<i2")
    data = whole.byteswap().tobytes() if sent == "pcm_s16be" else encode(whole.tobytes(), AudioFormat(sent))
    assert notices(declared, data) == [sent] * (sent != declared)


def test_audio_that_is_wrong_in_two_ways_is_reported_once() -> None:
    """Two channels come twice as fast as one."""
    check, data = AudioCheck(PCM, 16_000), np.repeat(speech(), 2).tobytes()
    frames = [data[begin : begin + 1280] for begin in range(0, len(data), 1280)]
    told = [check.receive(frame, 0.04, 100 + 0.02 * n) for n, frame in enumerate(frames)]
    assert len(frames) > 300
    [text] = [each for each in told if each is not None]
    assert text == "the audio looks like two channels; it was declared as pcm_s16le, mono, 16000 Hz"


def rates(declared: int, sent: int, seconds: float = 10, frame_s: float = 0.02) -> list[int]:
    """What is found of a client whose microphone has the rate `sent`."""
    check = SampleRateCheck(declared)
    samples = round(sent * frame_s)
    told = (check.receive(samples / declared, 100 + n * frame_s) for n in range(round(seconds / frame_s)))
    return [rate for rate in told if rate is not None]


@pytest.mark.parametrize(
    ("declared", "sent"),
    [(16_000, 8_000), (16_000, 24_000), (8_000, 16_000), (48_000, 44_100), (16_000, 32_000)],
)
def test_another_rate(declared: int, sent: int) -> None:
    assert set(rates(declared, sent)) == {sent}


@pytest.mark.parametrize("frame_s", [0.02, 0.1, 0.5])
def test_the_declared_rate_is_not_reported(frame_s: float) -> None:
    assert rates(16_000, 16_000, frame_s=frame_s) == []


def test_a_stalling_network_shows_no_rate() -> None:
    check = SampleRateCheck(16_000)
    told = [check.receive(0.02, 100 + n * 0.04 + (n // 20) * 0.5) for n in range(1000)]
    assert set(told) == {None}


def test_a_burst_of_audio_shows_no_rate() -> None:
    check = SampleRateCheck(16_000)
    assert {check.receive(0.2, 100.0) for _ in range(50)} == {None}
