"""Writes what is said in the trials into a directory: two of the samples, at 16 and 24 kHz."""

import sys
import wave
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from clients.audio import read_pcm  # noqa: E402 - found by the line above

for number, name in enumerate(("command-1.wav", "date-1.wav"), start=1):
    for rate in (16_000, 24_000):
        with wave.open(str(Path(sys.argv[1]) / f"turn-{number}-{rate}.wav"), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(read_pcm(ROOT / "models/samples" / name, rate))
