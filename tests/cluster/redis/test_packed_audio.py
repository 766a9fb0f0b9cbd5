import io
from random import Random

import numpy as np
import pytest
import soundfile

from clients.audio import read_pcm
from clients.samples import read_samples
from voicegw.cluster.redis.packed_audio import MOST_BYTES, pack, unpack
from voicegw.core.audio import SAMPLE_RATE
from voicegw.errors import UndecodableMessage

SECOND = 2 * SAMPLE_RATE
SPEECH = read_pcm(read_samples()[0].path, SAMPLE_RATE)
NOISE = Random(1).randbytes(SECOND)
EXTREMES = np.tile(np.array([-32768, 32767], "<i2"), SAMPLE_RATE).tobytes()


@pytest.mark.parametrize(
    "pcm",
    [
        *(SPEECH[SECOND : SECOND + size] for size in (2, 320, SECOND // 4, 20 * SECOND)),
        *(b"", b"\0\0\0", NOISE, EXTREMES, bytes(MOST_BYTES), bytes(MOST_BYTES + 2)),
    ],
    ids=lambda pcm: f"{len(pcm)} bytes",
)
def test_audio_comes_back_as_it_went(pcm: bytes) -> None:
    assert unpack(pack(pcm)) == pcm
    assert len(pack(pcm)) <= len(pcm) + 1


def test_an_earlier_version_does_not_take_packed_audio_for_samples() -> None:
    for size in range(2, 4_000, 2):
        assert len(pack(SPEECH[SECOND : SECOND + size])) % 2 == 1


def test_speech_takes_two_thirds_of_its_bytes_or_less() -> None:
    steps = [SPEECH[start : start + SECOND // 4] for start in range(0, 20 * SECOND, SECOND // 4)]
    assert sum(len(pack(step)) for step in steps) < 20 * SECOND * 2 / 3


def flac(frames: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((frames, channels), np.int16), SAMPLE_RATE, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize(
    "packed",
    [b"", b"x", b"fLaC", b"fLaC" + NOISE, flac(MOST_BYTES // 2 + 1), flac(100, channels=2)],
    ids=["nothing", "neither", "a mark", "noise", "too long", "stereo"],
)
def test_anything_else_is_refused(packed: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        unpack(packed)


def test_whatever_is_spoilt_is_refused_or_bounded() -> None:
    random, packed = Random(1), pack(SPEECH[SECOND : 2 * SECOND])
    refused = 0
    for _ in range(2_000):
        spoilt = bytearray(packed)
        for _ in range(random.randrange(1, 4)):
            spoilt[random.randrange(len(b"fLaC"), 200)] = random.randrange(256)
        try:
            assert len(unpack(bytes(spoilt[: random.choice((150, len(packed)))]))) <= MOST_BYTES
        except UndecodableMessage:
            refused += 1
    assert 0 < refused < 2_000
