"""G.711, the codec of telephone lines (ITU-T G.711, 1988): one byte a sample, by table."""

import numpy as np
from numpy.typing import NDArray

_BIAS = 0x84


def _mulaw_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << ((code & 0x70) >> 4)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    step, exponent = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = np.where(exponent == 0, step + 8, (step + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encoder(decoded: NDArray[np.int16]) -> NDArray[np.uint8]:
    """A table from samples, as unsigned indices, to the code with the nearest decoded value."""
    order = np.argsort(decoded, kind="stable")
    values = decoded[order].astype(np.float64)
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16)
    return order[np.searchsorted((values[1:] + values[:-1]) / 2, samples)].astype(np.uint8)


_MULAW = _mulaw_table()
_ALAW = _alaw_table()
_TO_MULAW = _encoder(_MULAW)
_TO_ALAW = _encoder(_ALAW)


def decode_mulaw(data: bytes) -> NDArray[np.int16]:
    """mu-law bytes as linear samples, at the same rate."""
    return _MULAW[np.frombuffer(data, dtype=np.uint8)]


def decode_alaw(data: bytes) -> NDArray[np.int16]:
    """A-law bytes as linear samples, at the same rate."""
    return _ALAW[np.frombuffer(data, dtype=np.uint8)]


def encode_mulaw(pcm: NDArray[np.int16]) -> bytes:
    """Linear samples as mu-law bytes, at the same rate."""
    return _TO_MULAW[pcm.view(np.uint16)].tobytes()


def encode_alaw(pcm: NDArray[np.int16]) -> bytes:
    """Linear samples as A-law bytes, at the same rate."""
    return _TO_ALAW[pcm.view(np.uint16)].tobytes()
