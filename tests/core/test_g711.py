"""Expected values are computed by hand from the tables of ITU-T G.711 (1988), scaled to 16 bits."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from voicegw.core.g711 import decode_alaw, decode_mulaw, encode_alaw, encode_mulaw

Decode = Callable[[bytes], NDArray[np.int16]]
Encode = Callable[[NDArray[np.int16]], bytes]

EVERY_CODE = bytes(range(256))


MULAW = (
    *((0xFF, 0), (0x7F, 0), (0xFE, 8), (0x7E, -8), (0xF0, 120), (0xEF, 132), (0xE0, 372), (0x9F, 8316)),
    *((0x90, 15996), (0x8F, 16764), (0x80, 32124), (0x00, -32124), (0x0F, -16764)),
)
ALAW = (
    *((0xD5, 8), (0x55, -8), (0xD4, 24), (0xDA, 248), (0xC5, 264), (0xCA, 504), (0xF5, 528), (0xFA, 1008)),
    *((0xAA, 32256), (0x2A, -32256), (0xA5, 16896), (0xBA, 16128)),
)


@pytest.mark.parametrize(("code", "level"), MULAW)
def test_mulaw(code: int, level: int) -> None:
    assert decode_mulaw(bytes([code])).tolist() == [level]


@pytest.mark.parametrize(("code", "level"), ALAW)
def test_alaw(code: int, level: int) -> None:
    assert decode_alaw(bytes([code])).tolist() == [level]


def test_the_sign_bit_only_changes_the_sign() -> None:
    for decode in (decode_mulaw, decode_alaw):
        levels = decode(EVERY_CODE)
        assert np.array_equal(levels[:128], -levels[128:])


def test_levels_rise_by_steps_that_never_shrink() -> None:
    mulaw = decode_mulaw(EVERY_CODE)[:127:-1].astype(int)
    alaw = np.sort(decode_alaw(EVERY_CODE)[128:].astype(int))
    for levels in (mulaw, alaw):
        steps = np.diff(levels)
        assert (steps > 0).all()
        assert (np.diff(steps) >= 0).all()


def test_no_bytes_are_no_samples() -> None:
    assert len(decode_mulaw(b"")) == len(decode_alaw(b"")) == 0


@pytest.mark.parametrize(("decode", "encode"), [(decode_mulaw, encode_mulaw), (decode_alaw, encode_alaw)])
def test_a_sample_becomes_the_code_that_is_nearest(decode: Decode, encode: Encode) -> None:
    samples = np.arange(-32_768, 32_768, 37).astype(np.int16)
    levels = decode(EVERY_CODE).astype(int)
    nearest = np.abs(samples.astype(int)[:, None] - levels).min(axis=1)
    assert np.array_equal(np.abs(samples.astype(int) - decode(encode(samples))), nearest)


@pytest.mark.parametrize(("decode", "encode"), [(decode_mulaw, encode_mulaw), (decode_alaw, encode_alaw)])
def test_encoded_samples_stay_the_same_when_encoded_again(decode: Decode, encode: Encode) -> None:
    levels = decode(EVERY_CODE)
    assert np.array_equal(decode(encode(levels)), levels)
