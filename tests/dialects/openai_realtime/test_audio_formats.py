import numpy as np
import pytest

from voicegw.core import g711
from voicegw.dialects.openai_realtime.audio_formats import InputConverter, OutputConverter, RealtimeFormat

TONE = (8_000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype("<i2")


def loudness(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, dtype="<i2").astype(float) ** 2)))


@pytest.mark.parametrize("audio_format", [RealtimeFormat.PCMU, RealtimeFormat.PCMA])
def test_a_tone_survives_both_conversions(audio_format: RealtimeFormat) -> None:
    coded = OutputConverter().convert(TONE.tobytes(), audio_format)
    assert len(coded) == 8_000
    converter = InputConverter()
    pieces = [converter.convert(coded[begin : begin + 160], audio_format) for begin in range(0, 8_000, 160)]
    assert len(b"".join(pieces)) == 48_000
    assert loudness(b"".join(pieces)) == pytest.approx(loudness(TONE.tobytes()), rel=0.02)


def test_the_format_may_change_between_two_pieces() -> None:
    converter, silence = InputConverter(), g711.encode_alaw(np.zeros(160, dtype=np.int16))
    converter.convert(g711.encode_mulaw(np.full(160, 8_000, dtype=np.int16)), RealtimeFormat.PCMU)
    assert loudness(converter.convert(silence, RealtimeFormat.PCMA)) < 50
    assert converter.convert(b"\1\0", RealtimeFormat.PCM) == b"\1\0"
