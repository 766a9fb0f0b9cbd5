"""`python -m benchmarks.capacity.client`: a client process with some speakers, each with a session.

Open-loop: a frame is sent when it is due however slow the server is. The process reads its orders, loads
the audio, says so, waits for the schedule, and in the end writes what every speaker got.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence

import msgspec

from benchmarks.capacity.speaker import Orders, Schedule, Speaker, Spoken
from benchmarks.recording import Received, Recording
from benchmarks.tracks import Track, parts_of, sessions, track
from clients.audio import SAMPLE_BYTES, frames, paced
from clients.client import VoiceClient
from clients.errors import ClientError, Refused
from clients.talk import talk
from voicegw.core.audio import SAMPLE_RATE

OPEN_LEAD_S = 2.0  # a session is opened so long before its first frame is due
SETTLE_S = 20.0  # for a server to finish what was said
RETRY_S = 1.0  # for a refused speaker whom the server does not tell when to come back
SHORTEST_S = 2.0  # a speaker who is admitted later than this before the end has nothing to add


def main() -> int:
    """Follow the orders on stdin; the exit status."""
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    parts = parts_of(orders.samples or sessions())
    print("loaded", flush=True)
    schedule = msgspec.json.decode(sys.stdin.buffer.readline(), type=Schedule)
    spoken = asyncio.run(speak_all(orders, schedule, parts))
    sys.stdout.buffer.write(msgspec.msgpack.encode(spoken))
    return 0


async def speak_all(orders: Orders, schedule: Schedule, parts: Sequence[Track]) -> list[Spoken]:
    """All the speakers of this process at once."""
    talks = (_speak(orders, speaker, schedule, parts) for speaker in orders.speakers)
    return list(await asyncio.gather(*talks))


async def _speak(orders: Orders, speaker: Speaker, schedule: Schedule, parts: Sequence[Track]) -> Spoken:
    """Comes at its time, and comes back after a refusal as long as there is time to say something."""
    refusals_ms: list[float] = []
    due_s = schedule.start_s + speaker.delay_s
    attempt_s = due_s - OPEN_LEAD_S
    while attempt_s < schedule.end_s - SHORTEST_S:
        await _until(attempt_s)
        asked_s = time.monotonic()
        try:
            async with VoiceClient.connect(
                orders.url,
                reply=orders.reply,
                settle_s=SETTLE_S,
                reconnect_s=0,  # a break is to be seen
            ) as client:
                begin_s = max(due_s, time.monotonic())
                said = track(parts, speaker.begin, schedule.end_s - begin_s)
                spoken = await _say(client, said, begin_s)
        except Refused as refused:
            refusals_ms.append(1000 * (time.monotonic() - asked_s))
            attempt_s = time.monotonic() + (refused.retry_after_ms or 1000 * RETRY_S) / 1000
        except ClientError as error:
            return Spoken(refusals_ms=tuple(refusals_ms), trouble=str(error))
        else:
            return msgspec.structs.replace(spoken, refusals_ms=tuple(refusals_ms))
    return Spoken(refusals_ms=tuple(refusals_ms))


async def _say(client: VoiceClient, said: Track, begin_s: float) -> Spoken:
    """Says it all; a session that breaks keeps what it had until then."""
    sent: list[tuple[float, int]] = []
    late_ms: list[float] = []
    received: list[Received] = []
    trouble = ""

    async def source() -> AsyncIterator[tuple[float, bytes]]:
        await _until(begin_s)
        async for due, frame in paced(frames(said.pcm, SAMPLE_RATE)):
            late_ms.append(round(1000 * (time.monotonic() - due), 1))
            sent.append((due, len(frame) // SAMPLE_BYTES))
            yield due, frame

    try:
        await talk(client, source(), lambda message: received.append(Received(time.monotonic(), message)))
    except ClientError as error:
        trouble = str(error)
    recording = Recording(
        file="",
        begin_s=sent[0][0] if sent else begin_s,
        sent_samples=sum(samples for _, samples in sent),
        rate=SAMPLE_RATE,
        latest_send_s=max(late_ms, default=0.0) / 1000,
        received=tuple(received),
    )
    return Spoken(recording, said.utterances, tuple(late_ms), trouble=trouble)


async def _until(moment_s: float) -> None:
    await asyncio.sleep(max(0.0, moment_s - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
