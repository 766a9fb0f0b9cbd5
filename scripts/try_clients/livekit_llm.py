"""LiveKit's OpenAI realtime model, with spoken replies."""

import asyncio

from livekit import rtc
from livekit.agents.utils import http_context
from livekit.plugins.openai import realtime
from trial import RATE, Microphone, Turns, arguments, converse


async def main() -> None:
    url, recordings = arguments()
    turns = Turns()
    async with http_context.open():
        model = realtime.RealtimeModel(base_url=url, api_key="none")
        session = model.session()

        async def read(generation: object) -> None:
            async for message in generation.message_stream:
                text = [piece async for piece in message.text_stream]
                samples = [frame.samples_per_channel async for frame in message.audio_stream]
                turns.reply(f"{''.join(map(str, text))} ({sum(samples) / RATE:.1f} s of audio)")

        reading: set[asyncio.Task[None]] = set()
        session.on("generation_created", lambda event: reading.add(asyncio.create_task(read(event))))
        session.on(
            "input_audio_transcription_completed",
            lambda event: turns.hear(event.transcript) if event.is_final else None,
        )
        session.on("error", lambda error: turns.fail(error.error))
        await session.update_instructions("Answer briefly.")
        microphone = Microphone(lambda pcm: session.push_audio(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)))
        async with microphone.on():
            await converse(turns, microphone, recordings, replies=True)
        await session.aclose()


asyncio.run(main())
