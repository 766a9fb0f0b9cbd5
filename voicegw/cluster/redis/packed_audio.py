"""Audio in Redis: FLAC where that is shorter than the samples, which it is for speech and even for noise.

The first byte tells which: 0 before samples, else the first of FLAC's own mark. The number of bytes is odd,
so that a worker of an earlier version, which takes them for samples, refuses them.
"""

import io

import numpy as np
import soundfile

from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE
from voicegw.errors import UndecodableMessage

MOST_BYTES = 30 * SAMPLE_RATE * SAMPLE_BYTES  # of samples that become FLAC, which may be a thousandth of them
_SAMPLES, _FLAC = b"\0", b"fLaC"


def pack(pcm: bytes) -> bytes:
    """s16le at 16 kHz for Redis. Other bytes stay as they are."""
    if 0 < len(pcm) <= MOST_BYTES and len(pcm) % SAMPLE_BYTES == 0:
        file = io.BytesIO()
        soundfile.write(file, np.frombuffer(pcm, "<i2"), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        flac = file.getvalue()
        if len(flac) <= len(pcm):
            return flac if len(flac) % SAMPLE_BYTES else flac + b"\0"
    return _SAMPLES + pcm


def unpack(packed: bytes) -> bytes:
    """What was packed. Needs at most MOST_BYTES more memory than `packed`. Raises UndecodableMessage."""
    if packed.startswith(_SAMPLES):
        return packed[len(_SAMPLES) :]
    if not packed.startswith(_FLAC):
        raise UndecodableMessage("neither samples nor FLAC")
    try:
        with soundfile.SoundFile(io.BytesIO(packed)) as file:
            if file.channels != 1 or not 0 < file.frames * SAMPLE_BYTES <= MOST_BYTES:
                raise UndecodableMessage(f"{file.frames} samples in {file.channels} channels")
            return bytes(file.read(dtype="int16").astype("<i2", copy=False).tobytes())
    except soundfile.SoundFileError as error:
        raise UndecodableMessage(f"not FLAC: {error}") from error
