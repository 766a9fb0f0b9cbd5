"""Both sides of a call as a stereo WAV file: the caller on the left, what the caller hears on the right."""

from pathlib import Path

import numpy as np
import soundfile

from clients.calls.call import CallRecord


def write_recording(record: CallRecord, file: Path) -> None:
    """Writes the file; the shorter side is padded with silence."""
    sides = [np.frombuffer(bytes(side), dtype="<i2") for side in (record.caller, record.playout.heard)]
    length = max(map(len, sides))
    stereo = np.stack([np.pad(side, (0, length - len(side))) for side in sides], axis=1)
    soundfile.write(file, stereo, record.rate, subtype="PCM_16")
