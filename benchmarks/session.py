"""`python -m benchmarks.session`: one client process, which streams one file and records the messages.

It is a separate process, so that other sessions do not affect its timing, and open-loop: audio is sent on
schedule even if the server is slow.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.recording import Received, Recording
from clients.audio import SAMPLE_BYTES, frames, paced, read_pcm
from clients.client import VoiceClient
from clients.errors import ClientError
from clients.talk import talk
from voicegw.core.audio import SAMPLE_RATE

DEADLINE_S = 60.0  # beyond the duration of the file


def main(argv: Sequence[str] | None = None) -> int:
    """Stream the file and write the recording to stdout as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.session", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--delay-s", type=float, default=0.0, help="wait before the first frame")
    parser.add_argument("--reply", choices=("text", "audio", "none"), default="text")
    options = parser.parse_args(argv)
    try:
        recording = asyncio.run(record(options.url, options.file, options.delay_s, options.reply))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(recording))
    return 0


async def record(url: str, file: Path, delay_s: float = 0.0, reply: str = "text") -> Recording:
    """Stream the file to the server in real time; the recording of the session. Raises ClientError."""
    pcm = read_pcm(file, SAMPLE_RATE)
    received: list[Received] = []
    sends: list[tuple[float, float]] = []

    async def source() -> AsyncIterator[tuple[float, bytes]]:
        await asyncio.sleep(delay_s)
        async for due, frame in paced(frames(pcm, SAMPLE_RATE)):
            sends.append((due, time.monotonic()))
            yield due, frame

    async with asyncio.timeout(delay_s + len(pcm) / SAMPLE_BYTES / SAMPLE_RATE + DEADLINE_S):
        async with VoiceClient.connect(url, rate=SAMPLE_RATE, reply=reply) as client:
            await talk(client, source(), lambda m: received.append(Received(time.monotonic(), m)))
    return Recording(
        file=file.name,
        begin_s=sends[0][0],
        sent_samples=len(pcm) // SAMPLE_BYTES,
        rate=SAMPLE_RATE,
        latest_send_s=max(sent - due for due, sent in sends),
        received=tuple(received),
    )


if __name__ == "__main__":
    sys.exit(main())
