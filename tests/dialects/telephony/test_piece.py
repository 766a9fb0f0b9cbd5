from dataclasses import replace

import pytest

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.piece import PiecePadding


def profile(audio_format: AudioFormat, rate: int) -> SessionProfile:
    return SessionProfile(rate=rate, audio_format=audio_format, reply=ReplyMode.AUDIO)


@pytest.mark.parametrize(
    ("audio_format", "rate", "piece", "silence"),
    [
        (AudioFormat.PCM, 8_000, 320, b"\0\0"),
        (AudioFormat.PCM, 48_000, 1_920, b"\0\0"),
        (AudioFormat.MULAW, 8_000, 160, b"\x7f"),
        (AudioFormat.ALAW, 8_000, 160, b"\x55"),
    ],
)
def test_the_last_piece_is_filled_with_silence(
    audio_format: AudioFormat, rate: int, piece: int, silence: bytes
) -> None:
    padding = PiecePadding(profile(audio_format, rate))
    audio = b"\1\2" * (piece // 2 + 10)
    padded = padding.pad(audio)
    assert len(padded) == 2 * piece
    assert padded.startswith(audio)
    assert set(padded[len(audio) :]) == set(silence)
    assert padding.pad(padded) == padded


def test_a_carrier_may_have_longer_frames() -> None:
    longer = replace(profile(AudioFormat.PCM, 8_000), playout=Playout(30))
    assert len(PiecePadding(longer).pad(bytes(482))) == 960
