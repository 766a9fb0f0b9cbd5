"""LiveKit's OpenAI speech-to-text plugin, realtime."""

import asyncio

from livekit import rtc
from livekit.agents import stt
from livekit.agents.utils import http_context
from livekit.plugins import openai
from trial import RATE, Microphone, Turns, arguments, converse


async def main() -> None:
    url, recordings = arguments()
    turns = Turns()
    async with http_context.open():
        speech = openai.STT(use_realtime=True, base_url=url, api_key="none")
        stream = speech.stream()

        async def receive() -> None:
            async for event in stream:
                if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                    turns.hear(event.alternatives[0].text)

        speech.on("error", lambda error: turns.fail(error.error))
        receiving = asyncio.create_task(receive())
        microphone = Microphone(lambda pcm: stream.push_frame(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)))
        async with microphone.on():
            await converse(turns, microphone, recordings, replies=False)
        receiving.cancel()
        await stream.aclose()


asyncio.run(main())
