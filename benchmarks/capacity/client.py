"""`python -m benchmarks.capacity.client`: a client process with some speakers, each with a session.

Open-loop: frames are sent on a fixed schedule. The process reads its configuration, loads the audio, prints
`loaded`, reads the schedule, and in the end writes the result of every speaker.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence

import msgspec

from benchmarks.capacity.speaker import ClientConfig, Schedule, Speaker, Spoken
from benchmarks.recording import Received, Recording
from benchmarks.tracks import Track, parts_of, sessions, track
from clients.audio import SAMPLE_BYTES, frames, paced
from clients.client import VoiceClient
from clients.errors import ClientError, Refused
from clients.talk import talk
from voicegw.core.audio import SAMPLE_RATE

OPEN_LEAD_S = 2.0  # before the first frame, to open the session
SETTLE_S = 20.0  # for a server to finish the session
RETRY_S = 1.0  # after a refusal without a retry time
MIN_SPEECH_S = 2.0  # a speaker admitted later than this before the end is left out


def main() -> int:
    """Run the speakers that stdin describes; the exit status."""
    config = msgspec.json.decode(sys.stdin.buffer.readline(), type=ClientConfig)
    parts = parts_of(config.samples or sessions())
    print("loaded", flush=True)
    schedule = msgspec.json.decode(sys.stdin.buffer.readline(), type=Schedule)
    spoken = asyncio.run(speak_all(config, schedule, parts))
    sys.stdout.buffer.write(msgspec.msgpack.encode(spoken))
    return 0


async def speak_all(config: ClientConfig, schedule: Schedule, parts: Sequence[Track]) -> list[Spoken]:
    """All the speakers of this process at once."""
    talks = (_speak(config, speaker, schedule, parts) for speaker in config.speakers)
    return list(await asyncio.gather(*talks))


async def _speak(
    config: ClientConfig, speaker: Speaker, schedule: Schedule, parts: Sequence[Track]
) -> Spoken:
    """Connects at its time, and again after a refusal while enough time is left."""
    refusals_ms: list[float] = []
    due_s = schedule.start_s + speaker.delay_s
    attempt_s = due_s - OPEN_LEAD_S
    while attempt_s < schedule.end_s - MIN_SPEECH_S:
        await _until(attempt_s)
        asked_s = time.monotonic()
        try:
            async with VoiceClient.connect(
                config.url,
                reply=config.reply,
                settle_s=SETTLE_S,
                reconnect_s=0,  # lost connections are results here
            ) as client:
                begin_s = max(due_s, time.monotonic())
                said = track(parts, speaker.begin, schedule.end_s - begin_s)
                spoken = await _say(client, said, begin_s)
        except Refused as refused:
            refusals_ms.append(1000 * (time.monotonic() - asked_s))
            attempt_s = time.monotonic() + (refused.retry_after_ms or 1000 * RETRY_S) / 1000
        except ClientError as error:
            return Spoken(refusals_ms=tuple(refusals_ms), failure=str(error))
        else:
            return msgspec.structs.replace(spoken, refusals_ms=tuple(refusals_ms))
    return Spoken(refusals_ms=tuple(refusals_ms))


async def _say(client: VoiceClient, said: Track, begin_s: float) -> Spoken:
    """Streams the track; a lost session keeps what it received."""
    sent: list[tuple[float, int]] = []
    late_ms: list[float] = []
    received: list[Received] = []
    failure = ""

    async def source() -> AsyncIterator[tuple[float, bytes]]:
        await _until(begin_s)
        async for due, frame in paced(frames(said.pcm, SAMPLE_RATE)):
            late_ms.append(round(1000 * (time.monotonic() - due), 1))
            sent.append((due, len(frame) // SAMPLE_BYTES))
            yield due, frame

    try:
        await talk(client, source(), lambda message: received.append(Received(time.monotonic(), message)))
    except ClientError as error:
        failure = str(error)
    recording = Recording(
        file="",
        begin_s=sent[0][0] if sent else begin_s,
        sent_samples=sum(samples for _, samples in sent),
        rate=SAMPLE_RATE,
        latest_send_s=max(late_ms, default=0.0) / 1000,
        received=tuple(received),
    )
    return Spoken(recording, said.utterances, tuple(late_ms), failure=failure)


async def _until(moment_s: float) -> None:
    await asyncio.sleep(max(0.0, moment_s - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
