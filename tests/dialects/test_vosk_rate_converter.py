import numpy as np
import pytest

from voicegw.dialects.vosk.rate_converter import RateConverter
from voicegw.errors import OddByteCount

TONE_HZ = 440


@pytest.mark.parametrize("rate", [11_025, 22_050, 32_000, 44_100])
def test_a_tone_keeps_its_pitch_and_its_duration(rate: int) -> None:
    tone = (8_000 * np.sin(2 * np.pi * TONE_HZ * np.arange(rate) / rate)).astype("<i2").tobytes()
    converter = RateConverter(rate)
    pieces = [converter.convert(tone[begin : begin + 3_000]) for begin in range(0, len(tone), 3_000)]
    samples = np.frombuffer(b"".join([*pieces, converter.finish()]), dtype="<i2")
    assert abs(len(samples) - 16_000) <= 1
    assert np.abs(np.fft.rfft(samples)).argmax() == TONE_HZ


@pytest.mark.parametrize("audio", [b"", b"\0"])
def test_half_a_sample_is_refused(audio: bytes) -> None:
    with pytest.raises(OddByteCount):
        RateConverter(44_100).convert(audio)
